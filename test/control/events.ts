import type { ControlEvent } from '../../src/control/phases/event.ts';
import type { ControlOptions } from '../../src/control/phases/state.ts';
import { type Candidate, type Ladder, ladderOf } from '../../src/control/search/ladder.ts';
import type { Criticality } from '../../src/criticality/critical-point.ts';
import { xorshift } from '../../src/drift/xorshift.ts';
import { binned } from '../../src/estimator/binning.ts';
import type { ActivationHistogram } from '../../src/estimator/histogram.ts';

export const OPTIONS: ControlOptions = {
  policy: 'guarded',
  keepsInputs: false,
  allowedLoss: 0.05,
  alpha: 0.01,
  trialSamples: 600,
  alarmRunLength: 10_000,
  rampSamples: 8,
  cooldownSamples: 100,
  unverifiedRequests: 100,
  unverifiedMs: 60_000,
  warmSamples: 64,
};

/** Rayleigh magnitudes times `scale`, as a histogram: few small ones, so that F has a clear maximum. */
export function rayleigh(seed: number, count: number, scale = 1): ActivationHistogram {
  const random = xorshift(seed);
  const values = Float32Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(1 - random())) * scale);
  return binned(new Uint32Array(values.buffer));
}

/** Thresholds .1, .2 … 2, on a curve that is linear in sparsity: β = .4 τ. */
export function criticalityAt(...features: readonly number[]): Criticality {
  const thresholds = Float64Array.from({ length: 20 }, (_, i) => (i + 1) / 10);
  const sparsity = thresholds.map((t) => 0.4 * t);
  const flat = new Float64Array(20);
  const found = features.map((threshold) => ({
    kind: 'maximum' as const,
    threshold,
    sparsity: 0.4 * threshold,
    prominence: 0.2,
    interval: [threshold, threshold] as const,
  }));
  const [first] = found;
  return {
    curve: { thresholds, sparsity, freeEnergy: flat, internalEnergy: flat, scale: 1 },
    continuous: flat,
    features: found,
    critical: first === undefined ? null : { ...first, feature: first.kind },
  };
}

const DRIFT = { requests: 16, averages: [0.1, 0.05], limit: 0.5, site: 0, aspect: 'level' } as const;

export interface SnapshotOptions {
  readonly samples?: number;
  readonly isDrift?: boolean;
  readonly hasMoved?: boolean;
  readonly policy?: ControlOptions['policy'];
  /** τ of a pole, where there is no feature. */
  readonly pole?: number;
}

/** A snapshot of a window with significant features at some thresholds. */
export function snapshot(
  features: readonly number[],
  { samples = 256, isDrift, hasMoved = false, policy = OPTIONS.policy, pole }: SnapshotOptions = {},
): ControlEvent {
  const found = criticalityAt(...features);
  return {
    kind: 'snapshot',
    at: 1,
    samples,
    newSamples: 16,
    hasMoved,
    suggestion: { critical: found.critical, ladder: ladderOf(found, policy), pole },
    drift: isDrift === undefined ? null : { ...DRIFT, distance: isDrift ? 0.9 : 0.1, isDrift },
  };
}

export function pair(threshold: number, loss: number, isDue = true): ControlEvent {
  return { kind: 'comparison', at: 2, threshold, loss, isDue };
}

export function ladder(sparsities: readonly number[], start = 0): Ladder {
  return { rungs: sparsities.map((sparsity): Candidate => ({ threshold: 2 * sparsity, sparsity })), start };
}
