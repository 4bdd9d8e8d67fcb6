import {
  type Criticality,
  type CriticalPointOptions,
  criticality,
  DEFAULT_CRITICAL_POINT,
  type Feature,
} from '../../criticality/critical-point.ts';
import {
  type FreeEnergyCurve,
  freeEnergyAt,
  freeEnergyFrom,
  type RetainedTotal,
} from '../../criticality/free-energy.ts';
import { fullFeatures } from '../../criticality/full-evaluation.ts';
import { linearGrid, PAPER_STEPS, paperCriticality, paperTransition } from '../../criticality/paper-rule.ts';
import { type ActivationHistogram, mergeAll, tails } from '../../estimator/histogram.ts';
import { type Analysis, curveOf, type RenormalizedCurve } from './analysis.ts';
import { type DensePass, mergedSlices } from './dense-pass.ts';
import type { PrunedPass } from './full-pass.ts';
import type { AnalyzeOptions } from './options.ts';

/** What the dense run says, before any pruned run. */
export interface Renormalized {
  /** N and Σ₀ over all sites. */
  readonly total: RetainedTotal;
  readonly analysis: Pick<
    Analysis,
    | 'rule'
    | 'temperature'
    | 'temperatureScale'
    | 'thresholds'
    | 'renormalized'
    | 'curve'
    | 'features'
    | 'critical'
  >;
}

const EMPTY = { freeEnergy: [], sparsity: [], internalEnergy: [] };
/** A server reads its window for hours: what the just-in-time compiler makes faster is left out. */
const WINDOW_WARM_UP = 40;
const WINDOW_REPEATS = 31;

/** Reads F at the thresholds, and the features, from a dense run. */
export function renormalize(dense: DensePass, options: AnalyzeOptions): Renormalized {
  const all = mergeAll(mergedSlices(dense));
  const t = tails(all);
  const total = { count: t.count[0]!, sum: t.sum[0]! };
  const { temperature } = settings(options);
  const rule = options.rule ?? 'significant';
  if (total.count === 0) {
    return {
      total,
      analysis: {
        rule,
        temperature,
        temperatureScale: null,
        thresholds: options.thresholds ?? [],
        renormalized: noCurve(options.thresholds ?? []),
        curve: { ...EMPTY, thresholds: [], continuous: [] },
        features: [],
        critical: null,
      },
    };
  }
  const curve = reportedCurve(all, dense, total, options);
  const found =
    rule === 'paper' && options.thresholds !== undefined ? paperTransition(curve) : read(dense, options);
  return {
    total,
    analysis: {
      rule,
      temperature,
      temperatureScale: curve.scale,
      thresholds: Array.from(curve.thresholds),
      renormalized: plain(curve),
      curve: searched(found),
      features: found?.features ?? [],
      critical: found?.critical ?? null,
    },
  };
}

/** F of the pruned runs, on the same thresholds. */
export function fullCurve(
  { total, analysis }: Renormalized,
  points: readonly PrunedPass[],
  options: AnalyzeOptions,
): RenormalizedCurve {
  if (total.count === 0) return noCurve(analysis.thresholds);
  const retained = points.map((point) => point.retained);
  return plain(freeEnergyFrom(analysis.thresholds, retained, total, settings(options).temperature));
}

/** The features of the pruned runs' own F, by the rule of the analysis. */
export function featuresInFull(
  { total, analysis }: Renormalized,
  results: readonly PrunedPass[],
  dense: DensePass,
  options: AnalyzeOptions,
): readonly Feature[] {
  const { thresholds, rule } = analysis;
  if (total.count === 0) return [];
  const retained = results.map((result) => result.retained);
  if (rule === 'paper')
    return paperTransition(freeEnergyFrom(thresholds, retained, total, settings(options).temperature))
      .features;
  const points = results.flatMap(({ point }) => point ?? []);
  if (points.length < thresholds.length) return [];
  return fullFeatures(thresholds, points, dense.slices, settings(options), dense.poles);
}

/** Median time from a filled window to its critical threshold. */
export function windowSeconds(dense: DensePass, options: AnalyzeOptions): number {
  for (let i = 0; i < WINDOW_WARM_UP; i++) read(dense, options);
  const times = Array.from({ length: WINDOW_REPEATS }, () => {
    const started = performance.now();
    read(dense, options);
    return (performance.now() - started) / 1000;
  });
  return times.sort((a, b) => a - b)[WINDOW_REPEATS >> 1]!;
}

function read(dense: DensePass, options: AnalyzeOptions): Criticality | null {
  const point = settings(options);
  return options.rule === 'paper'
    ? paperCriticality(mergedSlices(dense), point.temperature, options.steps)
    : criticality(dense.slices, point, dense);
}

function settings(options: AnalyzeOptions): CriticalPointOptions {
  return { ...DEFAULT_CRITICAL_POINT, ...options.criticalPoint };
}

function reportedCurve(
  all: ActivationHistogram,
  dense: DensePass,
  total: RetainedTotal,
  options: AnalyzeOptions,
): FreeEnergyCurve {
  const { temperature } = settings(options);
  return options.thresholds === undefined
    ? freeEnergyAt(tails(all), linearGrid(all, options.steps ?? PAPER_STEPS), temperature)
    : freeEnergyFrom(options.thresholds, dense.tally, total, temperature);
}

function plain(curve: FreeEnergyCurve): RenormalizedCurve {
  return {
    freeEnergy: curveOf(curve.freeEnergy),
    sparsity: curveOf(curve.sparsity),
    internalEnergy: curveOf(curve.internalEnergy),
  };
}

function noCurve(thresholds: readonly number[]): RenormalizedCurve {
  const nothing = thresholds.map(() => null);
  return { freeEnergy: nothing, sparsity: nothing, internalEnergy: nothing };
}

function searched(found: Criticality | null): Analysis['curve'] {
  if (found === null) return { ...EMPTY, thresholds: [], continuous: [] };
  return {
    thresholds: Array.from(found.curve.thresholds),
    ...plain(found.curve),
    continuous: curveOf(found.continuous),
  };
}
