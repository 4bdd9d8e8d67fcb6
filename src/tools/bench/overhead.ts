import { loadModel } from '../../runtime/local/load-model.ts';
import { WorkerRuntime } from '../../runtime/local/worker-runtime.ts';
import type { InputRows } from '../inputs/input-rows.ts';
import { alternation, type ServerSettings, serveArguments } from './arms.ts';
import type { BenchContext } from './context.ts';
import { EchoServer } from './echo.ts';
import { HttpConnection, httpMessage } from './http-connection.ts';
import { inferRequests, type WireForm } from './infer-requests.ts';
import { ServerProcess } from './server-process.ts';
import { mean, quantile, type Spread, spread } from './spread.ts';

/** A way to the model: straight to a worker, or over HTTP in one of two forms; and one to nowhere, which HTTP alone costs. */
export type Way = 'worker' | 'echo' | WireForm;

export interface OverheadOptions {
  /** Requests in one block of one way. */
  readonly requests: number;
  readonly rounds: number;
  readonly modelPath: string;
  readonly server: ServerSettings;
}

/** Figures of one order of the ways, in microseconds. */
export interface WayFigures {
  /** Median latency of every block, in the order of the rounds. */
  readonly p50Us: Readonly<Record<Way, readonly number[]>>;
  /** Median over HTTP minus median of the bare worker, per round. */
  readonly overheadUs: Readonly<Record<WireForm, Spread>>;
}

export interface Overhead {
  /** Each way again and again, in blocks: whatever runs has the processor's caches to itself. */
  readonly alone: WayFigures;
  /** The ways alternate request by request: each finds the caches as the others left them. */
  readonly inTurn: WayFigures;
}

const WAYS: readonly Way[] = ['worker', 'echo', 'binary', 'json'];
const BATCH = 1;
/** Bytes of a body that answers a small classifier's request. */
const ECHO_BYTES = 224;

type Send = (index: number) => Promise<unknown>;

/**
 * What HTTP costs: one request at a time through a server process with one worker, against the same worker runtime in this
 * process, batch 1, the untouched model on both sides.
 *
 * A worker that runs alone in a loop is faster than any worker of a server, which has other code to fetch between two runs;
 * so the ways are measured in blocks and in turn.
 *
 * @throws ServingError UNAVAILABLE
 */
export async function measureOverhead(
  rows: InputRows,
  options: OverheadOptions,
  context: BenchContext,
): Promise<Overhead> {
  const settings = { ...options.server, workers: 1 };
  const server = await ServerProcess.start(serveArguments('plain', settings), context.signal);
  try {
    const { setup, signature } = await loadModel(options.modelPath, { scheme: 'activations' });
    const limits = { workers: 1, maxQueue: 1, maxShadowQueue: 1 };
    const runtime = await WorkerRuntime.start({ ...setup, intraOpThreads: 1 }, limits);
    const connection = await HttpConnection.open(server.url);
    const echo = await EchoServer.start(ECHO_BYTES);
    try {
      const outputs = signature.outputs.map(({ name }) => name);
      const overHttp = (form: WireForm): Send => {
        const messages = inferRequests(rows, BATCH, form).map((r) =>
          httpMessage(server.url, server.model, r),
        );
        return (i) => connection.send(messages[i % messages.length]!);
      };
      const inputs = Array.from({ length: rows.count }, (_, i) => rows.batch(i, i + BATCH));
      const toEcho = inferRequests(rows, BATCH, 'binary').map((r) =>
        httpMessage(server.url, server.model, r),
      );
      const sends: Record<Way, Send> = {
        worker: (i) => runtime.run({ inputs: inputs[i % inputs.length]!, outputs }),
        echo: (i) => echo.connection.send(toEcho[i % toEcho.length]!),
        binary: overHttp('binary'),
        json: overHttp('json'),
      };
      return await alternate(sends, options, context);
    } finally {
      connection.close();
      echo.stop();
      await runtime.close();
    }
  } finally {
    await server.stop();
  }
}

async function alternate(
  sends: Readonly<Record<Way, Send>>,
  { requests, rounds }: OverheadOptions,
  { signal, progress }: BenchContext,
): Promise<Overhead> {
  const alone: Record<Way, number[]> = { worker: [], echo: [], binary: [], json: [] };
  const inTurn: Record<Way, number[]> = { worker: [], echo: [], binary: [], json: [] };
  await mediansInTurn(sends, requests, signal);
  for (let round = 1; round <= rounds && !signal.aborted; round++) {
    for (const way of alternation(WAYS)) {
      const p50 = await medianUs(sends[way], requests, signal);
      alone[way].push(p50);
      progress(`overhead, round ${round} of ${rounds}, ${way} alone: median ${p50.toFixed(0)} µs`);
    }
    const medians = await mediansInTurn(sends, requests, signal);
    for (const way of WAYS) inTurn[way].push(medians[way]);
    const each = WAYS.map((way) => `${way} ${medians[way].toFixed(0)}`).join(', ');
    progress(`overhead, round ${round} of ${rounds}, in turn: median µs ${each}`);
  }
  return { alone: figures(alone, 2), inTurn: figures(inTurn, 1) };
}

/** @param perRound - blocks of each way in one round; their means are compared. */
function figures(p50Us: Readonly<Record<Way, readonly number[]>>, perRound: number): WayFigures {
  const differences = (form: WireForm) => {
    const over = p50Us[form].map((us, i) => us - p50Us.worker[i]!);
    const rounds = over.length / perRound;
    return spread(
      Array.from({ length: rounds }, (_, round) =>
        mean(over.slice(round * perRound, (round + 1) * perRound)),
      ),
    );
  };
  return { p50Us, overheadUs: { binary: differences('binary'), json: differences('json') } };
}

async function medianUs(send: Send, requests: number, signal: AbortSignal): Promise<number> {
  const times = new Float64Array(requests);
  for (let i = 0; i < requests && !signal.aborted; i++) times[i] = await timed(send, i);
  return 1000 * quantile(times.sort(), 0.5);
}

async function mediansInTurn(
  sends: Readonly<Record<Way, Send>>,
  requests: number,
  signal: AbortSignal,
): Promise<Record<Way, number>> {
  const times: Record<Way, number[]> = { worker: [], echo: [], binary: [], json: [] };
  const backward = WAYS.toReversed();
  for (let i = 0; i < requests && !signal.aborted; i++) {
    for (const way of i % 2 === 0 ? WAYS : backward) times[way].push(await timed(sends[way], i));
  }
  const median = (way: Way) => 1000 * quantile(Float64Array.from(times[way]).sort(), 0.5);
  return {
    worker: median('worker'),
    echo: median('echo'),
    binary: median('binary'),
    json: median('json'),
  };
}

async function timed(send: Send, index: number): Promise<number> {
  const started = performance.now();
  await send(index);
  return performance.now() - started;
}
