import type { HrTime } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
} from '@opentelemetry/sdk-metrics';
import type { MetricsOfProcess } from '../metrics.ts';
import { unitOf } from '../units.ts';

type Family = MetricsOfProcess[number];
type Sample = Family['values'][number] & { readonly metricName?: string };

/** The span of time that cumulative values are of. */
export interface Period {
  readonly startTime: HrTime;
  readonly endTime: HrTime;
}

/**
 * The metrics of `/metrics` as OpenTelemetry has them, under the same names: counters become monotonic sums, gauges and histograms
 * stay what they are. Labels become attributes. Values that are not finite are left out.
 */
export function metricDataOf(metrics: MetricsOfProcess, period: Period): MetricData[] {
  return metrics.flatMap((family) => {
    const data = dataOf(family, period);
    return data === undefined || data.dataPoints.length === 0 ? [] : [data];
  });
}

function dataOf(family: Family, period: Period): MetricData | undefined {
  const { name, help } = family;
  const descriptor = { name, description: help, unit: unitOf(name), valueType: DOUBLE };
  const shared = { descriptor, aggregationTemporality: AggregationTemporality.CUMULATIVE };
  const values = family.values as readonly Sample[];
  switch (KINDS[String(family.type)]) {
    case 'counter':
      return {
        ...shared,
        dataPointType: DataPointType.SUM,
        isMonotonic: true,
        dataPoints: numbers(values, period),
      };
    case 'gauge':
      return { ...shared, dataPointType: DataPointType.GAUGE, dataPoints: numbers(values, period) };
    case 'histogram':
      return {
        ...shared,
        dataPointType: DataPointType.HISTOGRAM,
        dataPoints: histograms(name, values, period),
      };
    default:
      return undefined;
  }
}

/** `ValueType.DOUBLE`. */
const DOUBLE = 1;

/** By prom-client's name of a type, or its number. */
const KINDS: Readonly<Record<string, 'counter' | 'gauge' | 'histogram'>> = {
  counter: 'counter',
  0: 'counter',
  gauge: 'gauge',
  1: 'gauge',
  histogram: 'histogram',
  2: 'histogram',
};

function numbers(values: readonly Sample[], period: Period): DataPoint<number>[] {
  return values
    .filter(({ value }) => Number.isFinite(value))
    .map(({ labels, value }) => ({ ...period, attributes: attributesOf(labels), value }));
}

/** @param values - of each set of labels the cumulative counts by `le`, the sum and the count. */
function histograms(name: string, values: readonly Sample[], period: Period): DataPoint<Histogram>[] {
  const points = new Map<
    string,
    { attributes: Record<string, string>; bounds: [number, number][]; sum: number }
  >();
  for (const { labels, value, metricName } of values) {
    const { le, ...attributes } = attributesOf(labels);
    const key = JSON.stringify(attributes);
    const point = points.get(key) ?? { attributes, bounds: [], sum: 0 };
    points.set(key, point);
    if (metricName === `${name}_sum`) point.sum = value;
    if (le !== undefined) point.bounds.push([le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le), value]);
  }
  return [...points.values()].map(({ attributes, bounds, sum }) => {
    bounds.sort(([a], [b]) => a - b);
    const counts = bounds.map(([, total], i) => total - (bounds[i - 1]?.[1] ?? 0));
    const boundaries = bounds.map(([le]) => le).filter(Number.isFinite);
    const count = bounds.at(-1)?.[1] ?? 0;
    return { ...period, attributes, value: { buckets: { boundaries, counts }, sum, count } };
  });
}

function attributesOf(labels: Sample['labels']): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([label, value]) => [label, String(value)]));
}
