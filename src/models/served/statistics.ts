import type { ModelStatistics } from '../../plane/inference.ts';
import type { RunResult } from '../../runtime/runtime.ts';

const NS_PER_MS = 1e6;

/** Totals of the requests to one model since it was loaded. */
export class RequestStatistics {
  #inferences = 0;
  /** Runs; of a shared run each request counts its part. */
  #executions = 0;
  #lastInferenceMs = 0;
  readonly #success = { count: 0, ms: 0 };
  readonly #fail = { count: 0, ms: 0 };
  #queueMs = 0;
  #inferMs = 0;
  readonly #transport = { count: 0, decodeMs: 0, encodeMs: 0 };

  succeed(rows: number, result: RunResult, totalMs: number): void {
    this.#inferences += rows;
    this.#executions += 1 / (result.requests ?? 1);
    this.#lastInferenceMs = Date.now();
    this.#success.count++;
    this.#success.ms += totalMs;
    this.#queueMs += result.queueMs;
    this.#inferMs += result.inferMs;
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
      executionCount: Math.round(this.#executions),
      lastInferenceMs: this.#lastInferenceMs,
      success: { count, ns: nanoseconds(this.#success.ms) },
      fail: { count: this.#fail.count, ns: nanoseconds(this.#fail.ms) },
      queue: { count, ns: nanoseconds(this.#queueMs) },
      infer: { count, ns: nanoseconds(this.#inferMs) },
      decode: { count: this.#transport.count, ns: nanoseconds(this.#transport.decodeMs) },
      encode: { count: this.#transport.count, ns: nanoseconds(this.#transport.encodeMs) },
    };
  }
}

function nanoseconds(ms: number): number {
  return Math.round(ms * NS_PER_MS);
}
