import type { InputRows } from '../input-rows.ts';
import { loadModel } from '../runtime/load-model.ts';
import { WorkerRuntime } from '../runtime/worker-runtime.ts';
import { alternation, type ServerSettings, serveArguments } from './arms.ts';
import type { BenchContext } from './context.ts';
import { HttpConnection, httpMessage } from './http-connection.ts';
import { inferRequests, type WireForm } from './infer-requests.ts';
import { ServerProcess } from './server-process.ts';
import { quantile, type Spread, spread } from './spread.ts';

/** A way to the model: straight to a worker, or over HTTP in one of two forms. */
export type Way = 'worker' | WireForm;

export interface OverheadOptions {
  /** Requests in one block of one way. */
  readonly requests: number;
  readonly rounds: number;
  readonly modelPath: string;
  readonly server: ServerSettings;
}

export interface Overhead {
  /** Median latency of every block, in microseconds, in the order of the rounds. */
  readonly p50Us: Readonly<Record<Way, readonly number[]>>;
  /** Median over HTTP minus median of the bare worker, per round, in microseconds. */
  readonly overheadUs: Readonly<Record<WireForm, Spread>>;
}

const WAYS: readonly Way[] = ['worker', 'binary', 'json'];
const BATCH = 1;

type Send = (index: number) => Promise<unknown>;

/**
 * What HTTP costs: one request at a time through a server process with one worker, against the same worker runtime in this
 * process, batch 1, the untouched model on both sides, in alternation.
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
    try {
      const outputs = signature.outputs.map(({ name }) => name);
      const overHttp = (form: WireForm): Send => {
        const messages = inferRequests(rows, BATCH, form).map((r) =>
          httpMessage(server.url, server.model, r),
        );
        return (i) => connection.send(messages[i % messages.length]!);
      };
      const inputs = Array.from({ length: rows.count }, (_, i) => rows.batch(i, i + BATCH));
      const sends: Record<Way, Send> = {
        worker: (i) => runtime.run({ inputs: inputs[i % inputs.length]!, outputs }),
        binary: overHttp('binary'),
        json: overHttp('json'),
      };
      return await alternate(sends, options, context);
    } finally {
      connection.close();
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
  const p50Us: Record<Way, number[]> = { worker: [], binary: [], json: [] };
  for (const way of WAYS) await medianUs(sends[way], requests, signal);
  for (let round = 1; round <= rounds && !signal.aborted; round++) {
    for (const way of alternation(WAYS)) {
      const p50 = await medianUs(sends[way], requests, signal);
      p50Us[way].push(p50);
      progress(`overhead, round ${round} of ${rounds}, ${way}: median ${p50.toFixed(0)} µs`);
    }
  }
  return { p50Us, overheadUs: { binary: differences(p50Us, 'binary'), json: differences(p50Us, 'json') } };
}

/** Every round has two blocks of each way; their means are compared. */
function differences(p50Us: Readonly<Record<Way, readonly number[]>>, form: WireForm): Spread {
  const own = p50Us[form];
  const base = p50Us.worker;
  const perRound: number[] = [];
  for (let i = 0; i + 1 < own.length; i += 2) {
    perRound.push((own[i]! + own[i + 1]! - base[i]! - base[i + 1]!) / 2);
  }
  return spread(perRound);
}

async function medianUs(send: Send, requests: number, signal: AbortSignal): Promise<number> {
  const times = new Float64Array(requests);
  for (let i = 0; i < requests; i++) {
    if (signal.aborted) return Number.NaN;
    const started = performance.now();
    await send(i);
    times[i] = performance.now() - started;
  }
  return 1000 * quantile(times.sort(), 0.5);
}
