import type { ControlEvent, ControllerOptions } from '../../src/control/controller.ts';
import type { Criticality } from '../../src/criticality/critical-point.ts';
import { BinCounter } from '../../src/estimator/bin-counter.ts';
import type { ActivationHistogram } from '../../src/estimator/histogram.ts';
import { xorshift } from '../../src/random.ts';

export const OPTIONS: ControllerOptions = {
  agreementFloor: 0.95,
  alpha: 0.01,
  trialSamples: 600,
  cooldownSamples: 100,
  warmSamples: 64,
  drift: { limit: 0.1, confirmations: 2, recentSlices: 4 },
};

const counter = new BinCounter();

/** Rayleigh magnitudes times `scale`, as a histogram: few small ones, so that F has a clear maximum. */
export function rayleigh(seed: number, count: number, scale = 1): ActivationHistogram {
  const random = xorshift(seed);
  const values = Float32Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(1 - random())) * scale);
  return counter.histogram(new Uint32Array(values.buffer));
}

/** A criticality with the critical point at a threshold of 1, sparsity .4, on a curve that is linear in sparsity. */
export function criticalityAt(threshold: number | null): Criticality {
  const thresholds = Float64Array.from({ length: 20 }, (_, i) => (i + 1) / 10);
  const sparsity = thresholds.map((t) => 0.4 * t);
  const flat = new Float64Array(20);
  const curve = { thresholds, sparsity, freeEnergy: flat, internalEnergy: flat, scale: 1 };
  if (threshold === null) return { curve, continuous: flat, features: [], critical: null };
  const interval = [threshold, threshold] as const;
  return {
    curve,
    continuous: flat,
    features: [{ kind: 'maximum', threshold, sparsity: 0.4 * threshold, prominence: 0.2, interval }],
    critical: { threshold, sparsity: 0.4 * threshold, feature: 'maximum', interval },
  };
}

const SLICES = Array.from({ length: 16 }, (_, i) => [rayleigh(i + 1, 500)]);

/** A snapshot of a full window with a critical point at `threshold`, on traffic `scale` times as large as before. */
export function snapshot(threshold: number | null, scale = 1, samples = 256): ControlEvent {
  return {
    kind: 'snapshot',
    at: 1,
    samples,
    newSamples: 16,
    criticality: criticalityAt(threshold),
    slices: SLICES,
    recent: [rayleigh(99, 2000, scale)],
  };
}

export function pair(threshold: number, disagreement: number): ControlEvent {
  return { kind: 'pair', at: 2, threshold, disagreement };
}
