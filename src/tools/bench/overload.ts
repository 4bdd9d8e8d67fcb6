import type { InputRows } from '../inputs/input-rows.ts';
import { type ServerSettings, serveArguments } from './arms.ts';
import type { BenchContext } from './context.ts';
import { HttpConnection, httpMessage } from './http-connection.ts';
import { inferRequests, type WireForm } from './infer-requests.ts';
import { type Latency, latencyOf } from './latency.ts';
import { capacityOf, type Exchange, type OfferedLoad, offerLoad } from './open-loop.ts';
import { ServerProcess } from './server-process.ts';
import { spread } from './spread.ts';

export interface OverloadOptions {
  readonly batch: number;
  readonly seconds: number;
  readonly form: WireForm;
  readonly server: ServerSettings;
}

/** One phase of open-loop load. Latencies are those of answered requests, in milliseconds. */
export interface Phase {
  /** Requests per second that were due, and that were sent. */
  readonly offered: number;
  readonly sent: number;
  readonly accepted: number;
  /** Accepted requests per second. */
  readonly goodput: number;
  readonly latency: Latency;
  /** Answered 503. */
  readonly refused: number;
  readonly refusedLatency: Latency;
  /** Any other answer, and failed connections. */
  readonly failed: number;
  readonly hung: number;
}

export interface Overload {
  /** Requests per second in closed loop. */
  readonly capacity: number;
  readonly uncongested: Phase;
  readonly overload: Phase;
  /** Accepted p99 under overload over the uncongested one. */
  readonly p99Ratio: number;
  /** The smallest and the largest of that over equal parts of the overload. */
  readonly p99RatioRange: { readonly low: number; readonly high: number };
  readonly after: Phase;
  /**
   * Time after the overload from when on a second of requests is all answered, its p99 no higher than that of the slowest
   * second before the overload; null when that did not come.
   */
  readonly recoverySeconds: number | null;
}

const FACTOR = 3;
const UNCONGESTED_SHARE = 0.4;
const CLOSED_LOOP_CONNECTIONS = 16;
/** One request each at a time: more would wait in the kernel, not in the server. */
const CONNECTIONS = 256;
const WARM_UP_SECONDS = 3;
const CAPACITY_SECONDS = 5;
const UNCONGESTED_SECONDS = 10;
const AFTER_SECONDS = 5;

/** What a server does with three times the load that it can bear, and afterwards. @throws ServingError UNAVAILABLE */
export async function measureOverload(
  rows: InputRows,
  { batch, seconds, form, server: settings }: OverloadOptions,
  { signal, progress }: BenchContext,
): Promise<Overload> {
  const server = await ServerProcess.start(serveArguments('plain', settings), signal);
  const connections: HttpConnection[] = [];
  try {
    for (let i = 0; i < CONNECTIONS; i++) connections.push(await HttpConnection.open(server.url));
    const messages = inferRequests(rows, batch, form).map((r) => httpMessage(server.url, server.model, r));
    const closedLoop = { connections: connections.slice(0, CLOSED_LOOP_CONNECTIONS), messages, signal };
    await capacityOf({ ...closedLoop, seconds: WARM_UP_SECONDS });
    const capacity = await capacityOf({ ...closedLoop, seconds: CAPACITY_SECONDS });
    progress(`overload: capacity ${capacity.toFixed(0)} requests/s in closed loop`);
    const load = (share: number, seconds: number) =>
      offerLoad({ connections, messages, perSecond: share * capacity, seconds, signal });
    const before = await load(UNCONGESTED_SHARE, UNCONGESTED_SECONDS);
    const uncongested = phaseOf(before);
    progress(`overload: p99 ${uncongested.latency.p99.toFixed(2)} ms at ${UNCONGESTED_SHARE} of it`);
    const during = await load(FACTOR, seconds);
    const overload = phaseOf(during);
    progress(`overload: p99 ${overload.latency.p99.toFixed(2)} ms of what is accepted at ${FACTOR} times it`);
    const then = await load(UNCONGESTED_SHARE, AFTER_SECONDS);
    server.checkAlive();
    return {
      capacity,
      uncongested,
      overload,
      p99Ratio: overload.latency.p99 / uncongested.latency.p99,
      p99RatioRange: rangeOfParts(during.exchanges, uncongested.latency.p99),
      after: phaseOf(then),
      recoverySeconds: recoverySeconds(then.exchanges, slowestSecond(before.exchanges)),
    };
  } finally {
    for (const connection of connections) connection.close();
    await server.stop();
  }
}

function phaseOf({ exchanges, unsent, hung, seconds }: OfferedLoad): Phase {
  const accepted = exchanges.filter(({ status }) => status === 200);
  const refused = exchanges.filter(({ status }) => status === 503);
  const sent = exchanges.length + hung;
  return {
    offered: (sent + unsent) / seconds,
    sent: sent / seconds,
    accepted: accepted.length,
    goodput: accepted.length / seconds,
    latency: latenciesOf(accepted),
    refused: refused.length,
    refusedLatency: latenciesOf(refused),
    failed: exchanges.length - accepted.length - refused.length,
    hung,
  };
}

function latenciesOf(exchanges: readonly Exchange[]): Latency {
  return latencyOf(exchanges.map(({ ms }) => ms));
}

const PARTS = 5;

/** The smallest and largest p99 of what was accepted in equal parts of a load, over that of another load. */
export function rangeOfParts(exchanges: readonly Exchange[], p99: number): { low: number; high: number } {
  const accepted = exchanges.filter(({ status }) => status === 200);
  const end = exchanges.reduce((latest, { sentAtMs }) => Math.max(latest, sentAtMs), 0) + 1;
  const ratios = Array.from({ length: PARTS }, (_, part) => {
    const own = accepted.filter(({ sentAtMs }) => Math.floor((PARTS * sentAtMs) / end) === part);
    return latenciesOf(own).p99 / p99;
  }).filter(Number.isFinite);
  const { low, high } = spread(ratios);
  return { low, high };
}

const WINDOW_MS = 1000;
const STEP_MS = 50;

/** The largest p99 of any whole second, by when the requests were sent. */
export function slowestSecond(exchanges: readonly Exchange[]): number {
  let slowest = 0;
  for (const from of windowStarts(exchanges)) slowest = Math.max(slowest, p99From(exchanges, from));
  return slowest;
}

/** From when on one second of requests is all answered with 200, at a p99 of at most `limitMs`; null when never. */
export function recoverySeconds(exchanges: readonly Exchange[], limitMs: number): number | null {
  for (const from of windowStarts(exchanges)) {
    const isFine = within(exchanges, from).every(({ status }) => status === 200);
    if (isFine && p99From(exchanges, from) <= limitMs) return from / 1000;
  }
  return null;
}

function windowStarts(exchanges: readonly Exchange[]): number[] {
  const last = exchanges.reduce((latest, { sentAtMs }) => Math.max(latest, sentAtMs), 0);
  const count = Math.floor((last - WINDOW_MS) / STEP_MS) + 1;
  return Array.from({ length: Math.max(0, count) }, (_, i) => i * STEP_MS);
}

function within(exchanges: readonly Exchange[], from: number): Exchange[] {
  return exchanges.filter(({ sentAtMs }) => sentAtMs >= from && sentAtMs < from + WINDOW_MS);
}

function p99From(exchanges: readonly Exchange[], from: number): number {
  return latenciesOf(within(exchanges, from)).p99;
}
