import type { InputRows } from '../inputs/input-rows.ts';
import { alternation, type ServerSettings, serveArguments } from './arms.ts';
import type { BenchContext } from './context.ts';
import { type Latency, latencyOf } from './latency.ts';
import { PROTOCOLS, type Protocol, type ProtocolClient } from './protocol-clients.ts';
import { ratioSpread } from './ratios.ts';
import { ServerProcess } from './server-process.ts';
import { type Spread, spread } from './spread.ts';

export interface ProtocolOptions {
  readonly protocols: readonly Protocol[];
  readonly batches: readonly number[];
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  readonly server: ServerSettings;
}

/** One protocol for a while, in closed loop. */
export interface ProtocolRun {
  readonly arm: Protocol;
  readonly batch: number;
  readonly round: number;
  readonly requests: number;
  /** Requests per second. */
  readonly throughput: number;
  readonly latency: Latency;
}

/** Medians over the runs; ratios are to the reference within a round. */
export interface ProtocolSummary {
  readonly batch: number;
  readonly protocol: Protocol;
  readonly throughput: number;
  readonly latency: Latency;
  readonly ratio: { readonly throughput: Spread; readonly latencyP50: Spread };
}

export interface ProtocolComparison {
  readonly reference: Protocol;
  readonly summaries: readonly ProtocolSummary[];
  readonly runs: readonly ProtocolRun[];
}

const WARM_UP_SECONDS = 1.5;

/**
 * The same rows to the same server, mode off, over one protocol after another in alternation.
 *
 * @throws ServingError UNAVAILABLE, also for any answer but a good one.
 */
export async function compareProtocols(
  rows: InputRows,
  options: ProtocolOptions,
  { signal, progress }: BenchContext,
): Promise<ProtocolComparison> {
  const { protocols, batches, rounds, seconds, connections } = options;
  const serving = [...serveArguments('plain', options.server), '--grpc-port', '0'];
  const server = await ServerProcess.start(serving, signal);
  const runs: ProtocolRun[] = [];
  try {
    for (const batch of batches) {
      const clients = new Map<Protocol, readonly ProtocolClient[]>();
      try {
        for (const protocol of protocols) {
          clients.set(protocol, await PROTOCOLS[protocol](server, rows, batch, connections));
          await closedLoop(clients.get(protocol)!, Math.min(seconds, WARM_UP_SECONDS), signal);
        }
        for (let round = 1; round <= rounds; round++) {
          for (const arm of alternation(protocols)) {
            if (signal.aborted) break;
            const run = { arm, batch, round, ...(await closedLoop(clients.get(arm)!, seconds, signal)) };
            runs.push(run);
            progress(
              `batch ${batch}, round ${round} of ${rounds}, ${arm}: ${run.throughput.toFixed(0)} requests/s, median ${run.latency.p50.toFixed(2)} ms`,
            );
          }
        }
      } finally {
        for (const each of clients.values()) for (const client of each) client.close();
      }
    }
  } finally {
    await server.stop();
  }
  const reference = protocols[0]!;
  return { reference, summaries: summaries(runs, protocols, reference), runs };
}

async function closedLoop(clients: readonly ProtocolClient[], seconds: number, signal: AbortSignal) {
  const latencies: number[] = [];
  const startedAt = performance.now();
  const isOver = () => signal.aborted || performance.now() - startedAt >= 1000 * seconds;
  const loop = async (client: ProtocolClient, from: number) => {
    for (let i = from; !isOver(); i++) {
      const sentAt = performance.now();
      await client.send(i);
      latencies.push(performance.now() - sentAt);
    }
  };
  await Promise.all(clients.map(loop));
  const took = (performance.now() - startedAt) / 1000;
  return { requests: latencies.length, throughput: latencies.length / took, latency: latencyOf(latencies) };
}

function summaries(
  runs: readonly ProtocolRun[],
  protocols: readonly Protocol[],
  reference: Protocol,
): ProtocolSummary[] {
  const batches = [...new Set(runs.map(({ batch }) => batch))];
  return batches.flatMap((batch) => {
    const atBatch = runs.filter((run) => run.batch === batch);
    return protocols.map((protocol) => {
      const own = atBatch.filter(({ arm }) => arm === protocol);
      const median = (quantity: (run: ProtocolRun) => number) => spread(own.map(quantity)).median;
      const ratio = (quantity: (run: ProtocolRun) => number) =>
        ratioSpread(atBatch, protocol, reference, quantity);
      return {
        batch,
        protocol,
        throughput: median((run) => run.throughput),
        latency: {
          p50: median((run) => run.latency.p50),
          p90: median((run) => run.latency.p90),
          p99: median((run) => run.latency.p99),
        },
        ratio: {
          throughput: ratio((run) => run.throughput),
          latencyP50: ratio((run) => run.latency.p50),
        },
      };
    });
  });
}
