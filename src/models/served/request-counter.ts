import { ServingError } from '../../config/errors.ts';
import type { ModelStatistics } from '../../plane/inference.ts';
import type { RunResult } from '../../runtime/runtime.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { RequestStatistics } from './statistics.ts';

/** A request that was answered and is not counted yet. */
export interface Answered {
  readonly rows: number;
  /** What the answer was computed at; 0 is dense. */
  readonly threshold: number;
  readonly result: RunResult;
  readonly totalMs: number;
}

type OnAnswered = (answered: Answered, nowMs: number) => void;

/** What became of the requests to one model: in its statistics, its metrics, and for whoever hears of pruned answers. */
export class RequestCounter {
  readonly #model: string;
  readonly #metrics: Metrics;
  readonly #onAnswered: OnAnswered;
  readonly #statistics = new RequestStatistics();
  readonly #waiting: Answered[] = [];

  /** @param onAnswered - hears of every answer, as it is counted. */
  constructor(model: string, metrics: Metrics, onAnswered: OnAnswered) {
    this.#model = model;
    this.#metrics = metrics;
    this.#onAnswered = onAnswered;
  }

  /** Counting waits until the response is on its way, or until somebody asks for the figures. */
  answered(request: Answered): void {
    if (this.#waiting.push(request) === 1) setImmediate(() => this.settle());
  }

  failed(error: unknown, totalMs: number): void {
    this.#statistics.fail(totalMs);
    this.#metrics.requests.inc({ model: this.#model, outcome: outcomeOf(error) });
  }

  /** Counts what waits. */
  settle(): void {
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

  /** Totals of one version, everything counted. */
  read(version: string): ModelStatistics {
    this.settle();
    return this.#statistics.read(version);
  }
}

function outcomeOf(error: unknown): string {
  return error instanceof ServingError ? error.code.toLowerCase() : 'internal';
}
