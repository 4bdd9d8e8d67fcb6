import { ServingError } from '../../config/errors.ts';
import type { ModelStatistics } from '../../plane/inference.ts';
import type { RunResult } from '../../runtime/runtime.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { RequestStatistics } from './statistics.ts';

/** An answered request that is not counted yet. */
export interface Answered {
  readonly rows: number;
  /** Threshold of the answer; 0 is dense. */
  readonly threshold: number;
  readonly result: RunResult;
  readonly totalMs: number;
}

type OnAnswered = (answered: Answered, nowMs: number) => void;

/** Counts the requests to one model, in its statistics and metrics. */
export class RequestCounter {
  readonly #model: string;
  readonly #metrics: Metrics;
  readonly #onAnswered: OnAnswered;
  readonly #statistics = new RequestStatistics();
  readonly #waiting: Answered[] = [];

  /** @param onAnswered - called with every answer when it is counted. */
  constructor(model: string, metrics: Metrics, onAnswered: OnAnswered) {
    this.#model = model;
    this.#metrics = metrics;
    this.#onAnswered = onAnswered;
  }

  /** Counted only after the response was sent, or when statistics are read. */
  answered(request: Answered): void {
    if (this.#waiting.push(request) === 1) setImmediate(() => this.countWaiting());
  }

  failed(error: unknown, totalMs: number): void {
    this.#statistics.fail(totalMs);
    this.#metrics.requests.inc({ model: this.#model, outcome: outcomeOf(error) });
  }

  /** Counts the waiting answers. */
  countWaiting(): void {
    const model = this.#model;
    const now = performance.now();
    for (const answered of this.#waiting.splice(0)) {
      const { rows, threshold, result, totalMs } = answered;
      this.#statistics.succeed(rows, result, totalMs);
      this.#metrics.requests.inc({ model, outcome: 'ok' });
      this.#metrics.answers.inc({ model, answer: threshold > 0 ? 'pruned' : 'dense' });
      this.#metrics.requestDuration.observe({ model, phase: 'queue' }, result.queueMs / 1000);
      this.#metrics.requestDuration.observe({ model, phase: 'infer' }, result.inferMs / 1000);
      this.#metrics.requestDuration.observe({ model, phase: 'total' }, totalMs / 1000);
      this.#onAnswered(answered, now);
    }
  }

  /** The statistics, under a version's number. */
  read(version: string): ModelStatistics {
    this.countWaiting();
    return this.#statistics.read(version);
  }
}

function outcomeOf(error: unknown): string {
  return error instanceof ServingError ? error.code.toLowerCase() : 'internal';
}
