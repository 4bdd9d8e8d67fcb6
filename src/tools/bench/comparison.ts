import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InputRows } from '../inputs/input-rows.ts';
import { type Arm, alternation, type ServerSettings, serveArguments } from './arms.ts';
import type { BenchContext } from './context.ts';
import { inferRequests, type WireForm, type WireRequest } from './infer-requests.ts';
import { type LoadResult, runLoad } from './load.ts';
import { ServerProcess } from './server-process.ts';
import { readServer, type ServerReading, type ShadowCounts } from './server-reading.ts';
import { type Settled, settle } from './settle.ts';

export interface ComparisonOptions {
  readonly arms: readonly Arm[];
  readonly batches: readonly number[];
  readonly rounds: number;
  /** Length of one run of one arm. */
  readonly seconds: number;
  /** Longest time under load that the arm `auto` gets to find and prove its threshold. */
  readonly settleSeconds: number;
  readonly connections: number;
  readonly form: WireForm;
  readonly server: ServerSettings;
}

/** One arm under load for a while. */
export interface ArmRun {
  readonly arm: Arm;
  readonly batch: number;
  readonly round: number;
  readonly load: LoadResult;
  /** 99th percentile of the server's event-loop lateness during the run. */
  readonly loopLagP99Ms: number;
  readonly rssBeforeBytes: number;
  readonly rssAfterBytes: number;
  readonly shadow: ShadowCounts;
  /** Mean time of a run of the model, as the server measured it; NaN without runs. */
  readonly inferMs: number;
  /** Share of the answers of the run that were pruned. */
  readonly exposure: number;
  readonly sparsity: number | null;
  readonly threshold: number;
  readonly state: string;
}

export interface Comparison {
  readonly runs: readonly ArmRun[];
  /** How the arm `auto` stood before each batch was measured. */
  readonly settled: readonly (Settled & { readonly batch: number })[];
}

/** Load before the first measurement, per arm and batch: compilers and caches settle, connections are made. */
const WARM_UP_SECONDS = 1.5;

/**
 * Serves the model once per arm and round, and loads the servers one after the other, in alternation. Servers that are not
 * loaded only wait.
 *
 * Each round has processes of its own: one process is some per cent faster than the next of its kind for all of its life,
 * which rounds with the same processes would never show. What `auto` has learnt is kept from one to the next.
 *
 * @throws ServingError UNAVAILABLE when a server does not start or stops.
 */
export async function compareArms(
  rows: InputRows,
  options: ComparisonOptions,
  context: BenchContext,
): Promise<Comparison> {
  const runs: ArmRun[] = [];
  const settled: (Settled & { batch: number })[] = [];
  const stateFolder = await mkdtemp(join(tmpdir(), 'taustat-bench-'));
  const kept = { ...options, server: { ...options.server, stateFolder } };
  try {
    for (const batch of options.batches) {
      const requests = inferRequests(rows, batch, options.form);
      if (options.arms.includes('auto'))
        settled.push({ ...(await settleAuto(requests, kept, context)), batch });
      for (let round = 1; round <= options.rounds && !context.signal.aborted; round++)
        for (const run of await measureRound(requests, kept, context, { batch, round })) runs.push(run);
    }
    return { runs, settled };
  } finally {
    await rm(stateFolder, { recursive: true, force: true });
  }
}

/** Lets the arm `auto` find and prove its threshold, which its successors then start with. */
async function settleAuto(
  requests: readonly WireRequest[],
  { settleSeconds, server: settings }: Pick<ComparisonOptions, 'settleSeconds' | 'server'>,
  { signal, progress }: BenchContext,
): Promise<Settled> {
  const server = await ServerProcess.start(serveArguments('auto', settings), signal);
  try {
    progress('auto: under load until its threshold is proven');
    const settled = await settle(server, requests, settleSeconds, signal);
    const { state, threshold, exposure } = settled;
    progress(
      `auto: ${state} at threshold ${threshold.toPrecision(4)}, ${(100 * exposure).toFixed(0)} % of production`,
    );
    return settled;
  } finally {
    await server.stop();
  }
}

async function measureRound(
  requests: readonly WireRequest[],
  options: ComparisonOptions,
  context: BenchContext,
  { batch, round }: { readonly batch: number; readonly round: number },
): Promise<ArmRun[]> {
  const { arms, connections, rounds } = options;
  const { signal, progress } = context;
  const servers = new Map<Arm, ServerProcess>();
  const runs: ArmRun[] = [];
  try {
    for (const arm of arms) {
      const server = await ServerProcess.start(serveArguments(arm, options.server), signal);
      servers.set(arm, server);
      const seconds = Math.min(WARM_UP_SECONDS, options.seconds);
      await runLoad({
        url: server.url,
        model: server.model,
        requests,
        connections,
        extent: { seconds },
        signal,
      });
    }
    for (const arm of alternation(arms)) {
      if (signal.aborted) return runs;
      const run = { arm, batch, round, ...(await measure(servers.get(arm)!, requests, options, context)) };
      runs.push(run);
      progress(progressOf(run, rounds));
    }
    return runs;
  } finally {
    await Promise.all([...servers.values()].map((server) => server.stop()));
  }
}

async function measure(
  server: ServerProcess,
  requests: readonly WireRequest[],
  { connections, seconds }: ComparisonOptions,
  { signal }: BenchContext,
): Promise<Omit<ArmRun, 'arm' | 'batch' | 'round'>> {
  const { url, model } = server;
  const before = await readServer(url);
  const load = await runLoad({ url, model, requests, connections, extent: { seconds }, signal });
  server.checkAlive();
  const after = await readServer(url);
  const inferCount = after.infer.count - before.infer.count;
  return {
    load,
    loopLagP99Ms: after.loopLagP99Ms,
    rssBeforeBytes: before.rssBytes,
    rssAfterBytes: after.rssBytes,
    shadow: {
      ok: after.shadow.ok - before.shadow.ok,
      dropped: after.shadow.dropped - before.shadow.dropped,
      failed: after.shadow.failed - before.shadow.failed,
    },
    inferMs: (1000 * (after.infer.seconds - before.infer.seconds)) / inferCount,
    exposure: exposureBetween(before, after),
    sparsity: after.sparsity,
    threshold: after.threshold,
    state: after.state,
  };
}

/** Share of the answers between two readings that were pruned; 0 without answers. */
function exposureBetween(before: ServerReading, after: ServerReading): number {
  const pruned = after.answers.pruned - before.answers.pruned;
  const dense = after.answers.dense - before.answers.dense;
  return pruned === 0 ? 0 : pruned / (pruned + dense);
}

function progressOf({ arm, batch, round, load }: ArmRun, rounds: number): string {
  const { throughput, latency } = load;
  const rate = `${throughput.toFixed(0)} requests/s`;
  return `batch ${batch}, round ${round} of ${rounds}, ${arm}: ${rate}, median ${latency.p50.toFixed(2)} ms`;
}
