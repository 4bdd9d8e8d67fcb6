import type { Feature } from '../../criticality/critical-point.ts';
import type { Analysis } from './analysis.ts';

/** A heading and its value: what a person wants to know first. */
export type Finding = readonly [label: string, value: string];

/** The headline numbers of an analysis, in order. */
export function findings(analysis: Analysis): Finding[] {
  const { critical, answers, timings } = analysis;
  return [
    ['model', `${analysis.model}, ${analysis.rows} rows`],
    ['sites', `${analysis.sites.length} gated, ${analysis.skippedSites} skipped`],
    ['rule', `${analysis.rule}, ${analysis.temperature} temperature`],
    ...(critical === null
      ? [['critical threshold τ*', noCriticalPoint(analysis)] as const]
      : ([
          ['critical threshold τ*', `${number(critical.threshold)} (${critical.feature} of F)`],
          ['interval of τ*', `${number(critical.interval[0])} … ${number(critical.interval[1])}`],
          ['sparsity β*', percent(critical.sparsity)],
        ] as const)),
    ['answers judged by', measureText(analysis)],
    ...optional('loss at τ*', analysis.objective.critical?.loss, (loss) => lossText(loss, analysis)),
    ['largest τ within the objective', withinText(analysis)],
    ...optional('sparsity when pruned', answers?.criticalSparsity, percent),
    ...optional('accuracy, dense', answers?.denseAccuracy, percent),
    ...optional('accuracy at τ*', answers?.criticalAccuracy, percent),
    ...optional('agreement at τ*', answers?.criticalAgreement, percent),
    ['renormalized', seconds(timings.renormalizedSeconds)],
    ...optional(
      'full evaluation',
      timings.fullSeconds,
      (s) => `${seconds(s)}, ${(s / timings.renormalizedSeconds).toFixed(0)} times as long`,
    ),
    ...optional(
      'its first feature',
      analysis.full?.features[0],
      (f) => `${f.kind} at τ ${number(f.threshold)}, β ${percent(f.sparsity)}`,
    ),
    ['from a filled window', seconds(timings.windowSeconds)],
  ];
}

/** How answers are judged, or why they cannot be. */
export function measureText({ measure: { measure, outputs, reason } }: Analysis): string {
  if (reason !== null) return `nothing: ${reason}`;
  return `${measure} (${[...new Set(outputs.map(({ kind }) => kind))].join(', ')})`;
}

/** A threshold that loses more than the objective allows is no advice, whatever marks it. */
export function lossText(loss: number, { objective: { allowed } }: Analysis): string {
  const verdict =
    loss > allowed
      ? `more than the ${number(allowed)} allowed: do not serve at τ*`
      : `${number(allowed)} allowed`;
  return `${number(loss)}, ${verdict}`;
}

/** How far τ may go by the default objective, on the recorded inputs. */
export function withinText({ objective: { within, allowed, rows }, measure }: Analysis): string {
  if (measure.reason !== null) return 'unknown: answers cannot be judged';
  if (within === null) return `none: every candidate loses more than ${number(allowed)}`;
  const { threshold, sparsity, loss } = within;
  return `${number(threshold)}, β ${percent(sparsity)}, loss ${number(loss)} on ${rows} rows`;
}

/** Why there is no critical threshold. */
export function noCriticalPoint({ sites, curve, features }: Analysis): string {
  if (sites.length === 0) return 'none: the model has no gateable site';
  if (curve.thresholds.length === 0) return 'none: too few different activations';
  const [pole] = features;
  if (pole !== undefined)
    return `none: F marks only where an activation function stands still (pole, τ ${number(pole.threshold)})`;
  return 'none: F has no significant feature';
}

/** The cells of one feature: kind, τ, β, prominence, interval. */
export function featureCells({ kind, threshold, sparsity, prominence, interval }: Feature): string[] {
  const [low, high] = interval;
  return [
    kind,
    number(threshold),
    percent(sparsity),
    percent(prominence),
    `${number(low)} … ${number(high)}`,
  ];
}

export const FEATURE_HEAD = ['feature', 'τ', 'β', 'prominence', 'interval'] as const;

/** Four significant digits. */
export function number(value: number): string {
  return String(Number(value.toPrecision(4)));
}

export function percent(ratio: number): string {
  return `${(100 * ratio).toFixed(1)} %`;
}

export function seconds(value: number): string {
  return value < 0.1 ? `${number(value * 1000)} ms` : `${number(value)} s`;
}

function optional<T>(label: string, value: T | undefined, format: (value: T) => string): Finding[] {
  return value === undefined ? [] : [[label, format(value)]];
}
