import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ModelMetadata } from '../../src/protocol/types.ts';
import { leastSquaresSlope, type Point, secondHalf } from '../../src/tools/bench/slope.ts';
import { type FuzzRequest, fuzzRequest } from './requests.ts';
import { complaint, type FuzzAnswer } from './verdict.ts';

export interface FuzzOptions {
  readonly seed: number;
  readonly requests: number;
  readonly models: readonly ModelMetadata[];
  readonly send: (request: FuzzRequest) => Promise<FuzzAnswer>;
}

export interface FuzzResult {
  readonly statuses: Readonly<Record<number, number>>;
  /** What was wrong with an answer, and the whole of the request, for the first few. */
  readonly complaints: readonly string[];
  readonly perSecond: number;
  readonly memory: MemoryGrowth;
}

/** Over the second half of the run, read after full collections; null for a run too short to tell. */
export interface MemoryGrowth {
  readonly rssBytesPer1000Requests: number | null;
  readonly heapBytesPer1000Requests: number | null;
}

const READ_EVERY = 5000;
const LEAST_READINGS = 6;
const MOST_COMPLAINTS = 5;

/** Sends the requests of a seed one after the other, until there is enough to complain about. */
export async function fuzz({ seed, requests, models, send }: FuzzOptions): Promise<FuzzResult> {
  const statuses: Record<number, number> = {};
  const complaints: string[] = [];
  const readings = new MemoryReadings();
  const started = performance.now();
  let sent = 0;
  for (; sent < requests && complaints.length < MOST_COMPLAINTS; sent++) {
    const request = fuzzRequest(seed, sent, models);
    const { status, problem } = await judged(request, send);
    statuses[status] = (statuses[status] ?? 0) + 1;
    if (problem !== undefined) complaints.push(`${problem}\n${reproduction(seed, sent, request)}`);
    if (sent % READ_EVERY === READ_EVERY - 1) readings.take(sent);
  }
  const seconds = (performance.now() - started) / 1000;
  return { statuses, complaints, perSecond: Math.round(sent / seconds), memory: readings.growth };
}

/** Status 0: no answer at all. */
async function judged(
  request: FuzzRequest,
  send: FuzzOptions['send'],
): Promise<{ status: number; problem: string | undefined }> {
  try {
    const answer = await send(request);
    return { status: answer.status, problem: complaint(request, answer) };
  } catch (error) {
    return { status: 0, problem: String(error) };
  }
}

function reproduction(seed: number, index: number, { method, path, headers, body }: FuzzRequest): string {
  const parts = { seed, index, method, path, headers, body: Buffer.from(body).toString('base64') };
  return `the request, its body in base64: ${JSON.stringify(parts)}`;
}

class MemoryReadings {
  readonly #rss: Point[] = [];
  readonly #heap: Point[] = [];
  readonly #collect = collector();

  take(requests: number): void {
    this.#collect();
    const { rss, heapUsed } = process.memoryUsage();
    this.#rss.push({ x: requests, y: rss });
    this.#heap.push({ x: requests, y: heapUsed });
  }

  get growth(): MemoryGrowth {
    return { rssBytesPer1000Requests: per1000(this.#rss), heapBytesPer1000Requests: per1000(this.#heap) };
  }
}

function per1000(readings: readonly Point[]): number | null {
  if (readings.length < LEAST_READINGS) return null;
  return Math.round(1000 * leastSquaresSlope(secondHalf(readings)));
}

function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc');
}
