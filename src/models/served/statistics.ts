import type { BatchStatistics, ModelStatistics } from '../../plane/inference.ts';
import type { RunResult, SharedRun } from '../../runtime/runtime.ts';

const NS_PER_MS = 1e6;
/** Most sizes that runs are told apart by: clients choose them. */
const MOST_SIZES = 256;

/** Totals of the requests to one model since it was loaded. */
export class RequestStatistics {
  #inferences = 0;
  #executions = 0;
  /** Shared runs that were counted with the first of their requests. */
  readonly #shared = new WeakSet<SharedRun>();
  /** Runs by their rows. */
  readonly #batches = new Map<number, { count: number; ms: number }>();
  #lastInferenceMs = 0;
  readonly #success = { count: 0, ms: 0 };
  readonly #fail = { count: 0, ms: 0 };
  #queueMs = 0;
  #inferMs = 0;
  readonly #transport = { count: 0, decodeMs: 0, encodeMs: 0 };

  succeed(rows: number, result: RunResult, totalMs: number): void {
    this.#inferences += rows;
    this.#lastInferenceMs = Date.now();
    this.#success.count++;
    this.#success.ms += totalMs;
    this.#queueMs += result.queueMs;
    this.#inferMs += result.inferMs;
    if (result.shared !== undefined && this.#shared.has(result.shared)) return;
    if (result.shared !== undefined) this.#shared.add(result.shared);
    this.#execute(result.shared?.rows ?? rows, result.inferMs);
  }

  #execute(rows: number, ms: number): void {
    this.#executions++;
    const batch = this.#batches.get(rows) ?? { count: 0, ms: 0 };
    if (batch.count === 0 && this.#batches.size === MOST_SIZES) return;
    this.#batches.set(rows, batch);
    batch.count++;
    batch.ms += ms;
  }

  transport(decodeMs: number, encodeMs: number): void {
    this.#transport.count++;
    this.#transport.decodeMs += decodeMs;
    this.#transport.encodeMs += encodeMs;
  }

  fail(totalMs: number): void {
    this.#fail.count++;
    this.#fail.ms += totalMs;
  }

  read(version: string): ModelStatistics {
    const { count } = this.#success;
    return {
      version,
      inferenceCount: this.#inferences,
      executionCount: this.#executions,
      lastInferenceMs: this.#lastInferenceMs,
      success: { count, ns: nanoseconds(this.#success.ms) },
      fail: { count: this.#fail.count, ns: nanoseconds(this.#fail.ms) },
      queue: { count, ns: nanoseconds(this.#queueMs) },
      infer: { count, ns: nanoseconds(this.#inferMs) },
      decode: { count: this.#transport.count, ns: nanoseconds(this.#transport.decodeMs) },
      encode: { count: this.#transport.count, ns: nanoseconds(this.#transport.encodeMs) },
      batches: this.#readBatches(),
    };
  }

  #readBatches(): readonly BatchStatistics[] {
    return [...this.#batches]
      .sort(([a], [b]) => a - b)
      .map(([rows, { count, ms }]) => ({ rows, infer: { count, ns: nanoseconds(ms) } }));
  }
}

function nanoseconds(ms: number): number {
  return Math.round(ms * NS_PER_MS);
}
