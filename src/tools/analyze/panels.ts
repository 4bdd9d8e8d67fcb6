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
  readonly renormalized: readonly number[];
  readonly full: readonly number[];
  readonly continuous: readonly number[];
  readonly ofFeature: (feature: Charted['features'][number]) => number;
  readonly critical?: NonNullable<Plot['critical']>;
}

/** Accuracy, F and dF/dτ against τ, then the same against β. */
export function panels(analysis: Charted): Plot[] {
  return [thresholdAxis(analysis), sparsityAxis(analysis)].flatMap((axis) => [
    answersPanel(analysis, axis),
    freeEnergyPanel(analysis, axis),
    derivativePanel(analysis, axis),
  ]);
}

function thresholdAxis({ thresholds, curve, critical }: Charted): Axis {
  return {
    label: 'threshold τ',
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
  const x = full === undefined ? [0, axis.critical?.x ?? Number.NaN] : axis.full;
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

function freeEnergyPanel({ thresholds, renormalized, full, curve, features }: Charted, axis: Axis): Plot {
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
    ...features.map((f, i) =>
      markerAt(f, valueAt(curve.thresholds, continuous, f.threshold), i === 0 ? 'first' : 'later'),
    ),
  ];
  return {
    ...frameOf(axis),
    title: 'Free energy F',
    xDomain: domainX(axis),
    yDomain: domainOf([...measured, ...pruned, ...markers.map(({ y }) => y)]),
    series: [
      line('continuous', axis.continuous, continuous),
      line('full', axis.full, pruned, true),
      line('renormalized', axis.renormalized, measured),
    ],
    markers,
  };
}

function derivativePanel({ thresholds, renormalized, full }: Charted, axis: Axis): Plot {
  const measured = slope(thresholds, renormalized.freeEnergy);
  const pruned = slope(thresholds, full?.freeEnergy ?? []);
  return {
    ...frameOf(axis),
    title: 'Derivative dF/dτ',
    xDomain: domainX(axis),
    yDomain: domainOf([0, ...measured, ...pruned]),
    series: [line('full', axis.full, pruned, true), line('renormalized', axis.renormalized, measured)],
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

function frameOf(axis: Axis): Pick<Plot, 'xLabel' | 'critical'> {
  return { xLabel: axis.label, ...(axis.critical === undefined ? {} : { critical: axis.critical }) };
}

/** From 0 to the last reported point. */
function domainX({ renormalized, full, critical }: Axis): [number, number] {
  const shown = [...renormalized, ...full, critical?.to ?? 0].filter(Number.isFinite);
  return [Math.min(0, ...shown), Math.max(...shown) * 1.02 || 1];
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
