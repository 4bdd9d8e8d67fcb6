import type { Arm } from './arms.ts';
import type { ArmRun } from './comparison.ts';
import type { Latency } from './latency.ts';
import { ratioSpread } from './ratios.ts';
import type { ShadowCounts } from './server-reading.ts';
import { type Spread, spread } from './spread.ts';

/** All runs of one arm at one batch size. Medians are over the runs, ratios are to the reference arm per round. */
export interface ArmSummary {
  readonly batch: number;
  readonly arm: Arm;
  readonly runs: number;
  readonly requests: number;
  readonly throughput: number;
  /** In milliseconds. */
  readonly latency: Latency;
  readonly ratio: {
    readonly latencyP50: Spread;
    readonly throughput: Spread;
    /** Time in the model. */
    readonly infer: Spread;
  };
  readonly inferMs: number;
  /** Share of the answers of a run that were pruned, over the runs. */
  readonly exposure: Spread;
  /** 1 − ratio of the time in the model: negative when this arm is slower; null where it pruned no answer. */
  readonly timeSavedRatio: Spread | null;
  /** Share of nonzero activations that the gates zeroed, over all of production; null where nothing measured it. */
  readonly sparsity: number | null;
  readonly threshold: number;
  /** Runs in which most answers were pruned, and at whose end the server tracked a threshold. */
  readonly trackingRuns: number;
  readonly loopLagP99Ms: Spread;
  readonly rssBeforeBytes: number;
  readonly rssAfterBytes: number;
  readonly shadow: ShadowCounts;
  readonly non2xx: number;
  readonly errors: number;
}

/** One summary per batch and arm, in the order in which they were first measured. */
export function summarize(runs: readonly ArmRun[], reference: Arm): ArmSummary[] {
  const batches = [...new Set(runs.map(({ batch }) => batch))];
  return batches.flatMap((batch) => {
    const atBatch = runs.filter((run) => run.batch === batch);
    const arms = [...new Set(atBatch.map(({ arm }) => arm))];
    return arms.map((arm) => summarizeArm(atBatch, arm, reference));
  });
}

function summarizeArm(atBatch: readonly ArmRun[], arm: Arm, reference: Arm): ArmSummary {
  const own = atBatch.filter((run) => run.arm === arm);
  const first = own[0]!;
  const last = own.at(-1)!;
  const median = (quantity: (run: ArmRun) => number) => spread(own.map(quantity)).median;
  const sum = (quantity: (run: ArmRun) => number) => own.reduce((total, run) => total + quantity(run), 0);
  const ratio = (quantity: (run: ArmRun) => number) => ratioSpread(atBatch, arm, reference, quantity);
  const infer = ratio((run) => run.inferMs);
  const exposure = spread(own.map((run) => run.exposure));
  return {
    batch: first.batch,
    arm,
    runs: own.length,
    requests: sum((run) => run.load.requests),
    throughput: median((run) => run.load.throughput),
    latency: {
      p50: median((run) => run.load.latency.p50),
      p90: median((run) => run.load.latency.p90),
      p99: median((run) => run.load.latency.p99),
    },
    ratio: {
      latencyP50: ratio((run) => run.load.latency.p50),
      throughput: ratio((run) => run.load.throughput),
      infer,
    },
    inferMs: median((run) => run.inferMs),
    exposure,
    timeSavedRatio: exposure.high > 0 && arm !== reference ? saved(infer) : null,
    sparsity: last.sparsity,
    threshold: last.threshold,
    trackingRuns: own.filter(({ state, exposure: share }) => state === 'tracking' && share > 0.5).length,
    loopLagP99Ms: spread(own.map((run) => run.loopLagP99Ms)),
    rssBeforeBytes: first.rssBeforeBytes,
    rssAfterBytes: last.rssAfterBytes,
    shadow: {
      ok: sum((run) => run.shadow.ok),
      dropped: sum((run) => run.shadow.dropped),
      failed: sum((run) => run.shadow.failed),
    },
    non2xx: sum((run) => run.load.non2xx),
    errors: sum((run) => run.load.errors),
  };
}

function saved({ median, low, high }: Spread): Spread {
  return { median: 1 - median, low: 1 - high, high: 1 - low };
}
