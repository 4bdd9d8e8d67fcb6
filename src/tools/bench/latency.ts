import { quantile } from './spread.ts';

/** Quantiles of latencies at a client, in milliseconds; NaN of none. */
export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

export function latencyOf(latencies: ArrayLike<number>): Latency {
  const sorted = Float64Array.from(latencies).sort();
  return { p50: quantile(sorted, 0.5), p90: quantile(sorted, 0.9), p99: quantile(sorted, 0.99) };
}
