import type { Feature } from '../../criticality/critical-point.ts';
import { derivative } from '../../criticality/features.ts';
import type { Analysis, Curve, FullEvaluation } from './analysis.ts';
import { domainOf } from './domain.ts';
import type { Marker, MarkerRank, Plot, Series } from './plot.ts';
import { number } from './summary.ts';

/** What the panels show of an analysis. */
export type Charted = Pick<Analysis, 'thresholds' | 'features' | 'critical' | 'answers'> & {
  readonly renormalized: Omit<Analysis['renormalized'], 'internalEnergy'>;
  readonly full?: Omit<FullEvaluation, 'internalEnergy'>;
  readonly curve: Omit<Analysis['curve'], 'freeEnergy' | 'internalEnergy'>;
};

/** Values along one axis: thresholds, or the sparsity that each curve reaches there. */
interface Axis {
  readonly label: string;
  readonly scale: 'log' | 'linear';
  readonly renormalized: readonly number[];
  readonly full: readonly number[];
  readonly continuous: readonly number[];
  readonly ofFeature: (feature: Charted['features'][number]) => number;
  readonly critical?: NonNullable<Plot['critical']>;
}

/** Accuracy, F and dF/dτ against log τ, then the same against β. */
export function panels(analysis: Charted): Plot[] {
  return [thresholdAxis(analysis), sparsityAxis(analysis)].flatMap((axis) => [
    answersPanel(analysis, axis),
    freeEnergyPanel(analysis, axis),
    derivativePanel(analysis, axis),
  ]);
}

function thresholdAxis({ thresholds, curve, critical }: Charted): Axis {
  return {
    label: 'threshold τ, log scale',
    scale: 'log',
    renormalized: thresholds,
    full: thresholds,
    continuous: curve.thresholds,
    ofFeature: (feature) => feature.threshold,
    ...(critical === null
      ? {}
      : {
          critical: {
            x: critical.threshold,
            from: critical.interval[0],
            to: critical.interval[1],
            label: `τ* = ${number(critical.threshold)}`,
          },
        }),
  };
}

function sparsityAxis({ renormalized, full, curve, critical }: Charted): Axis {
  const sparsityAt = (threshold: number) => valueAt(curve.thresholds, numbers(curve.sparsity), threshold);
  return {
    label: 'sparsity β',
    scale: 'linear',
    renormalized: numbers(renormalized.sparsity),
    full: numbers(full?.sparsity ?? []),
    continuous: numbers(curve.sparsity),
    ofFeature: (feature) => feature.sparsity,
    ...(critical === null
      ? {}
      : {
          critical: {
            x: critical.sparsity,
            from: sparsityAt(critical.interval[0]),
            to: sparsityAt(critical.interval[1]),
            label: `β* = ${number(critical.sparsity)}`,
          },
        }),
  };
}

function answersPanel({ full, answers }: Charted, axis: Axis): Plot {
  const { accuracy, agreement } = full ?? atCriticalOnly(answers);
  // Dense answers are at τ = 0, which a logarithmic axis has at its left end.
  const dense = domainX(axis)[0];
  const x = full === undefined ? [dense, axis.critical?.x ?? Number.NaN] : axis.full;
  const series = [
    ...(agreement === undefined ? [] : [line('agreement', x, numbers(agreement))]),
    ...(accuracy === undefined ? [] : [line('accuracy', x, numbers(accuracy), true)]),
  ];
  const base = { ...frameOf(axis), title: 'Accuracy', series, markers: [] };
  if (series.length === 0) {
    const message =
      full === undefined ? 'run with --full and --labels to see it' : 'the model gives no class scores';
    return { ...base, xDomain: domainX(axis), yDomain: [0, 1], message };
  }
  return {
    ...base,
    title: accuracy === undefined ? 'Agreement with the dense model' : 'Accuracy and agreement',
    xDomain: domainX(axis),
    yDomain: [0, 1.04],
    yFormat: (value) => `${Math.round(value * 100)} %`,
    ...(accuracy === undefined || answers?.denseAccuracy === undefined
      ? {}
      : { level: answers.denseAccuracy }),
  };
}

/** Without full evaluation, the answers are known in two points: dense, and at τ*. */
function atCriticalOnly(answers: Analysis['answers']): Pick<FullEvaluation, 'accuracy' | 'agreement'> {
  const { denseAccuracy, criticalAccuracy, criticalAgreement } = answers ?? {};
  return {
    ...(criticalAgreement === undefined ? {} : { agreement: [1, criticalAgreement] }),
    ...(denseAccuracy === undefined || criticalAccuracy === undefined
      ? {}
      : { accuracy: [denseAccuracy, criticalAccuracy] }),
  };
}

function freeEnergyPanel(charted: Charted, axis: Axis): Plot {
  const { thresholds, renormalized, full, curve, features, critical } = charted;
  const measured = numbers(renormalized.freeEnergy);
  const pruned = numbers(full?.freeEnergy ?? []);
  const continuous = numbers(curve.continuous);
  const markerAt = (feature: Feature, y: number, rank: MarkerRank): Marker => {
    const { kind, threshold, sparsity } = feature;
    const label = `${kind} at τ = ${number(threshold)}, β = ${number(sparsity)}`;
    return { shape: kind, x: axis.ofFeature(feature), y, label, rank };
  };
  const markers = [
    ...(full?.features ?? []).map((f) => markerAt(f, valueAt(thresholds, pruned, f.threshold), 'full')),
    ...features.map((f) => {
      const rank = f.threshold === critical?.threshold ? 'first' : 'later';
      return markerAt(f, valueAt(curve.thresholds, continuous, f.threshold), rank);
    }),
  ];
  return {
    ...frameOf(axis),
    title: 'Free energy F',
    xDomain: domainX(axis),
    yDomain: domainOf([...measured, ...pruned, ...shownOf(axis, continuous)]),
    series: [
      line('renormalized', axis.renormalized, measured),
      line('full', axis.full, pruned, true),
      line('continuous', axis.continuous, continuous),
    ],
    markers,
  };
}

function derivativePanel({ thresholds, renormalized, full, curve }: Charted, axis: Axis): Plot {
  const decided = slope(curve.thresholds, curve.continuous);
  const measured = slope(thresholds, renormalized.freeEnergy);
  const pruned = slope(thresholds, full?.freeEnergy ?? []);
  return {
    ...frameOf(axis),
    title: 'Derivative dF/dτ',
    xDomain: domainX(axis),
    yDomain: domainOf([0, ...measured, ...pruned, ...shownOf(axis, decided)]),
    series: [
      line('renormalized', axis.renormalized, measured),
      line('full', axis.full, pruned, true),
      line('continuous', axis.continuous, decided),
    ],
    markers: [],
    level: 0,
  };
}

/** On the line between the points to either side of a threshold. */
function valueAt(thresholds: readonly number[], values: readonly number[], threshold: number): number {
  const above = thresholds.findIndex((at) => at >= threshold);
  const high = values[above] ?? Number.NaN;
  const low = values[above - 1];
  if (low === undefined || thresholds[above] === threshold) return high;
  const from = thresholds[above - 1]!;
  return low + ((threshold - from) / (thresholds[above]! - from)) * (high - low);
}

/** The values of the curve that is decided on, within what the axis shows. */
function shownOf(axis: Axis, values: readonly number[]): number[] {
  const [low, high] = domainX(axis);
  return values.filter((_, i) => axis.continuous[i]! >= low && axis.continuous[i]! <= high);
}

function frameOf(axis: Axis): Pick<Plot, 'xLabel' | 'xScale' | 'critical'> {
  const { label: xLabel, scale: xScale, critical } = axis;
  return { xLabel, xScale, ...(critical === undefined ? {} : { critical }) };
}

/** From dense, or from the first threshold, to the last reported point. */
function domainX({ scale, renormalized, full, critical }: Axis): [number, number] {
  const shown = [...renormalized, ...full, critical?.from ?? Number.NaN, critical?.to ?? 0];
  if (scale === 'log') {
    const positive = shown.filter((value) => value > 0 && Number.isFinite(value));
    return positive.length === 0 ? [0.1, 1] : [Math.min(...positive), Math.max(...positive) * 1.02];
  }
  const finite = shown.filter(Number.isFinite);
  return [Math.min(0, ...finite), Math.max(...finite) * 1.02 || 1];
}

function line(style: string, x: readonly number[], y: readonly number[], dots = false): Series {
  return { style, dots, points: y.map((value, i) => [x[i] ?? Number.NaN, value] as const) };
}

function slope(thresholds: readonly number[], values: Curve): number[] {
  if (values.length < 2) return [];
  return Array.from(derivative(Float64Array.from(thresholds), Float64Array.from(numbers(values))));
}

function numbers(curve: Curve): number[] {
  return curve.map((value) => value ?? Number.NaN);
}
