import type { SpanContext } from '@opentelemetry/api';
import type { Objective } from '../control/guard/objective.ts';
import type { ShadowSample } from './shadow-run.ts';
import type { StreamReading } from './streams.ts';

/** `overBudget`: it was to be run, and `sampling.budget` did not pay for it. `dropped`: there was no idle time. */
export type ShadowOutcome = 'ok' | 'dropped' | 'overBudget' | 'failed';

/** What a loop tells of its work, beside its decisions. Nothing waits for a listener. */
export interface LoopTelemetry {
  /** A sampled request was run again, or was not; `error` says why a run failed, and `origin` is the span of the request. */
  readonly shadowRun?: (outcome: ShadowOutcome, error?: string, origin?: SpanContext) => void;
  /** What a shadow run has shown, before the controller hears of it. */
  readonly sampled?: (sample: ShadowSample) => void;
  /** How answers are judged from now on. */
  readonly judged?: (objective: Objective) => void;
  /** Over how many requests these resemble each other, where that is not what it was. */
  readonly correlated?: (reading: StreamReading) => void;
  /** How long an estimate took, on the calling thread. */
  readonly estimated?: (ms: number) => void;
}
