import { ServingError } from '../../config/errors.ts';
import type { ModelStatistics, TransportTimes } from '../../plane/inference.ts';
import type { RunResult } from '../../runtime/runtime.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { RequestStatistics } from './statistics.ts';

/** Outcomes of requests that a rate may be asked of before the first happens. */
const OUTCOMES = ['ok', 'invalid_request', 'overloaded', 'deadline_exceeded', 'inference_failed', 'internal'];

/** An answered request that is not counted yet. */
export interface Answered {
  readonly rows: number;
  /** Threshold of the answer; 0 is dense. */
  readonly threshold: number;
  readonly result: RunResult;
  readonly totalMs: number;
}

type Phase = 'decode' | 'queue' | 'infer' | 'dispatch' | 'encode' | 'total';

type OnAnswered = (answered: Answered, nowMs: number) => void;

/** Counts the requests to one model, in its statistics and metrics. */
export class RequestCounter {
  readonly #model: string;
  readonly #metrics: Metrics;
  readonly #onAnswered: OnAnswered;
  readonly #statistics = new RequestStatistics();
  readonly #waiting: Answered[] = [];
  readonly #transported: TransportTimes[] = [];
  /** Labels of the histograms, made once: they are observed for every request. */
  readonly #phases: Readonly<Record<Phase, { readonly model: string; readonly phase: Phase }>>;

  /** @param onAnswered - called with every answer when it is counted. */
  constructor(model: string, metrics: Metrics, onAnswered: OnAnswered) {
    this.#model = model;
    this.#metrics = metrics;
    this.#onAnswered = onAnswered;
    const labels = <P extends Phase>(phase: P) => ({ model, phase });
    this.#phases = {
      decode: labels('decode'),
      queue: labels('queue'),
      infer: labels('infer'),
      dispatch: labels('dispatch'),
      encode: labels('encode'),
      total: labels('total'),
    };
    for (const outcome of OUTCOMES) metrics.requests.inc({ model, outcome }, 0);
    for (const answer of ['pruned', 'dense']) metrics.answers.inc({ model, answer }, 0);
    for (const outcome of ['ok', 'dropped', 'failed']) metrics.shadowRuns.inc({ model, outcome }, 0);
    for (const outcome of ['agreed', 'disagreed']) metrics.comparedAnswers.inc({ model, outcome }, 0);
    for (const counter of ['nonFiniteAnswers', 'workersLost', 'runsOverdue', 'testResults'] as const)
      metrics[counter].inc({ model }, 0);
  }

  /** Counted only after the response was sent, or when statistics are read. */
  answered(request: Answered): void {
    if (this.#waiting.push(request) === 1) setImmediate(() => this.countWaiting());
  }

  /** What became of an answered request outside of the model; counted as `answered` is. */
  transported(times: TransportTimes): void {
    if (this.#transported.push(times) === 1) setImmediate(() => this.countWaiting());
  }

  failed(error: unknown, totalMs: number): void {
    this.#statistics.fail(totalMs);
    this.#metrics.requests.inc({ model: this.#model, outcome: outcomeOf(error) });
  }

  /** Counts the waiting answers. */
  countWaiting(): void {
    const model = this.#model;
    const phases = this.#phases;
    const { requestDuration, phaseDuration } = this.#metrics;
    const now = performance.now();
    for (const answered of this.#waiting.splice(0)) {
      const { rows, threshold, result, totalMs } = answered;
      this.#statistics.succeed(rows, result, totalMs);
      this.#metrics.requests.inc({ model, outcome: 'ok' });
      this.#metrics.answers.inc({ model, answer: threshold > 0 ? 'pruned' : 'dense' });
      const { queueMs, inferMs } = result;
      requestDuration.observe(phases.queue, queueMs / 1000);
      requestDuration.observe(phases.infer, inferMs / 1000);
      requestDuration.observe(phases.total, totalMs / 1000);
      phaseDuration.observe(phases.queue, queueMs / 1000);
      phaseDuration.observe(phases.infer, inferMs / 1000);
      phaseDuration.observe(phases.dispatch, Math.max(0, totalMs - queueMs - inferMs) / 1000);
      this.#onAnswered(answered, now);
    }
    for (const { decodeMs, encodeMs } of this.#transported.splice(0)) {
      this.#statistics.transport(decodeMs, encodeMs);
      phaseDuration.observe(phases.decode, decodeMs / 1000);
      phaseDuration.observe(phases.encode, encodeMs / 1000);
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
