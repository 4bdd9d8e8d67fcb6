import type { ModelStatistics } from '../../plane/inference.ts';

const NOTHING = { count: 0, ns: 0 } as const;

/**
 * The JSON of a model's statistics, one entry per version. Unmeasured figures stay zero: requests are decoded and encoded one by
 * one, so that no run has a time for it.
 */
export function statisticsJson(model: string, versions: readonly ModelStatistics[]): readonly unknown[] {
  return versions.map((statistics) => ({
    name: model,
    version: statistics.version,
    last_inference: statistics.lastInferenceMs,
    inference_count: statistics.inferenceCount,
    execution_count: statistics.executionCount,
    inference_stats: {
      success: statistics.success,
      fail: statistics.fail,
      queue: statistics.queue,
      compute_input: statistics.decode,
      compute_infer: statistics.infer,
      compute_output: statistics.encode,
      cache_hit: NOTHING,
      cache_miss: NOTHING,
    },
    batch_stats: statistics.batches.map(({ rows, infer }) => ({
      batch_size: rows,
      compute_input: NOTHING,
      compute_infer: infer,
      compute_output: NOTHING,
    })),
  }));
}
