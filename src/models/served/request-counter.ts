import { ServingError } from '../../config/errors.ts';
import { CHANGE_REASONS } from '../../control/phases/state.ts';
import type { ModelStatistics, TransportTimes } from '../../plane/inference.ts';
import type { RunResult } from '../../runtime/runtime.ts';
import type { DurationCounts } from '../../telemetry/durations.ts';
import type { Metrics, OfModel } from '../../telemetry/metrics.ts';
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
  /** Whether it is one of the series of answers that shows how requests without a name resemble each other; absent: it is. */
  readonly isOfSeries?: boolean;
  /** Of the request's trace, if somebody keeps it. */
  readonly traceId?: string | undefined;
}

const PHASES = ['decode', 'dispatch', 'queue', 'infer', 'encode'] as const;
const REQUEST_PHASES = ['queue', 'infer', 'total'] as const;

type Counts<P extends string> = Readonly<Record<P, DurationCounts>>;

type OnAnswered = (answered: Answered, nowMs: number) => void;

/** Counts the requests to one model, in its statistics and metrics. */
export class RequestCounter {
  readonly #of: OfModel;
  readonly #metrics: Metrics;
  readonly #onAnswered: OnAnswered;
  readonly #statistics = new RequestStatistics();
  readonly #waiting: Answered[] = [];
  readonly #transported: TransportTimes[] = [];
  readonly #phases: Counts<(typeof PHASES)[number]>;
  readonly #request: Counts<(typeof REQUEST_PHASES)[number]>;

  /** @param onAnswered - called with every answer when it is counted. */
  constructor(of: OfModel, metrics: Metrics, onAnswered: OnAnswered) {
    this.#of = of;
    this.#metrics = metrics;
    this.#onAnswered = onAnswered;
    this.#phases = countsOf(PHASES, (phase) => metrics.phaseDuration.labels({ ...of, phase }));
    this.#request = countsOf(REQUEST_PHASES, (phase) => metrics.requestDuration.labels({ ...of, phase }));
    for (const outcome of OUTCOMES) metrics.requests.inc({ ...of, outcome }, 0);
    for (const answer of ['pruned', 'dense']) metrics.answers.inc({ ...of, answer }, 0);
    for (const outcome of ['ok', 'dropped', 'over_budget', 'failed'])
      metrics.shadowRuns.inc({ ...of, outcome }, 0);
    for (const reason of CHANGE_REASONS) metrics.thresholdChanges.inc({ ...of, reason }, 0);
    for (const outcome of ['agreed', 'disagreed']) metrics.comparedAnswers.inc({ ...of, outcome }, 0);
    for (const counter of [
      'nonFiniteAnswers',
      'workersLost',
      'runsOverdue',
      'testResults',
      'activationsSampled',
      'activationsNonFinite',
    ] as const)
      metrics[counter].inc(of, 0);
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
    this.#metrics.requests.inc({ ...this.#of, outcome: outcomeOf(error) });
  }

  /** Counts the waiting answers. */
  countWaiting(): void {
    const phases = this.#phases;
    const request = this.#request;
    const now = performance.now();
    const waiting = this.#waiting.splice(0);
    let pruned = 0;
    for (const answered of waiting) {
      const { rows, threshold, result, totalMs, traceId } = answered;
      const { queueMs, inferMs } = result;
      if (threshold > 0) pruned++;
      this.#statistics.succeed(rows, result, totalMs);
      request.queue.observe(queueMs / 1000);
      request.infer.observe(inferMs / 1000);
      request.total.observe(totalMs / 1000, traceId);
      phases.queue.observe(queueMs / 1000);
      phases.infer.observe(inferMs / 1000);
      phases.dispatch.observe(Math.max(0, totalMs - queueMs - inferMs) / 1000);
      this.#onAnswered(answered, now);
    }
    this.#countAnswers(waiting.length, pruned);
    for (const { decodeMs, encodeMs } of this.#transported.splice(0)) {
      this.#statistics.transport(decodeMs, encodeMs);
      phases.decode.observe(decodeMs / 1000);
      phases.encode.observe(encodeMs / 1000);
    }
  }

  #countAnswers(answers: number, pruned: number): void {
    if (answers === 0) return;
    const of = this.#of;
    this.#metrics.requests.inc({ ...of, outcome: 'ok' }, answers);
    if (pruned > 0) this.#metrics.answers.inc({ ...of, answer: 'pruned' }, pruned);
    if (pruned < answers) this.#metrics.answers.inc({ ...of, answer: 'dense' }, answers - pruned);
  }

  get statistics(): ModelStatistics {
    this.countWaiting();
    return this.#statistics.read(this.#of.version);
  }
}

function countsOf<P extends string>(phases: readonly P[], counts: (phase: P) => DurationCounts): Counts<P> {
  return Object.fromEntries(phases.map((phase) => [phase, counts(phase)])) as Record<P, DurationCounts>;
}

function outcomeOf(error: unknown): string {
  return error instanceof ServingError ? error.code.toLowerCase() : 'internal';
}
