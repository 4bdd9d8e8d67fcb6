/** What was measured for requests of about one size. */
export interface BucketPlan {
  /** Largest number of rows of such a request: a power of two. */
  readonly rows: number;
  readonly pays: boolean;
  /** Time plain over time pruned: median of rounds, and bounds of it. */
  readonly speedup: { readonly ratio: number; readonly low: number; readonly high: number };
  /** Milliseconds of one run, medians. */
  readonly plainMs: number;
  readonly sparseMs: number;
}

/** Which layers skip zeros, as it outlives a restart. */
export interface KeptPlan {
  /** What it was measured with: kernels and threads. Under another it says nothing. */
  readonly under: string;
  /** τ that it was measured at. */
  readonly threshold: number;
  /** Of the layers that can skip zeros, those that do, by their index. */
  readonly layers: readonly number[];
  readonly buckets: readonly BucketPlan[];
}

/** Whether what was read from a file is one. */
export function isKeptPlan(value: unknown): value is KeptPlan {
  if (typeof value !== 'object' || value === null) return false;
  const { under, threshold, layers, buckets } = value as Partial<KeptPlan>;
  return (
    typeof under === 'string' &&
    typeof threshold === 'number' &&
    Array.isArray(layers) &&
    layers.every(Number.isInteger) &&
    Array.isArray(buckets) &&
    buckets.every((bucket) => typeof bucket?.rows === 'number' && typeof bucket.speedup?.ratio === 'number')
  );
}
