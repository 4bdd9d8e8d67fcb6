import { ServingError } from '../config/errors.ts';
import type { InferRequest, InferResponse, ModelMetadata } from '../protocol/types.ts';
import type { ModelConfiguration } from './model-configuration.ts';

/** What accompanies a request beyond its content. */
export interface InferContext {
  /** Aborts when the client goes away: queued work may then be dropped. */
  readonly signal?: AbortSignal | undefined;
  /** How long the caller waits from now on; a `timeout` parameter may shorten that. */
  readonly timeoutMs?: number | undefined;
  /** W3C trace context of the caller. */
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
  /** The caller uses the input tensors again: they are copied to a worker instead of moved. */
  readonly keepInputs?: boolean;
}

/** A number of requests and the time they took together. */
interface DurationTotal {
  readonly count: number;
  readonly ns: number;
}

/** Totals since the model was loaded. */
export interface ModelStatistics {
  readonly version: string;
  /** Inferences: rows of the batches of successful requests. */
  readonly inferenceCount: number;
  /** Runs of the model. */
  readonly executionCount: number;
  /** Unix milliseconds of the last request; 0 before the first. */
  readonly lastInferenceMs: number;
  readonly success: DurationTotal;
  readonly fail: DurationTotal;
  readonly queue: DurationTotal;
  readonly infer: DurationTotal;
}

/** A version of a model that answers. */
export interface AnsweringModel {
  /** As clients see it: with every version of the model that answers. One object until that changes. */
  readonly metadata: ModelMetadata;
  readonly configuration: ModelConfiguration;
  /** False once something else answers in its place, or nothing does: who has waited asks the plane again. */
  readonly isCurrent: boolean;
  /** Called before a body is read: whether the request would be let in now. @throws ServingError OVERLOADED */
  admit(): void;
  /**
   * Answers a request that was checked against the model's metadata. Outputs that were asked for by name are answered
   * alone; a `timeout` parameter is a deadline in microseconds.
   *
   * @throws ServingError OVERLOADED, UNAVAILABLE, WORKER_LOST, DEADLINE_EXCEEDED, INVALID_REQUEST, INFERENCE_FAILED
   */
  infer(request: InferRequest, context: InferContext): Promise<InferResponse>;
}

/**
 * The data plane, free of any transport: what REST, gRPC and the library's own `infer` call.
 *
 * Models are replaced while they serve. What `find` has found answers as long as nothing is awaited in between.
 */
export interface InferencePlane {
  /** Version of the server. */
  readonly version: string;
  readonly isLive: boolean;
  /** False while loading or draining. */
  readonly isReady: boolean;
  /** The models are being opened for the first time: nothing can be asked but whether that is over. */
  readonly isOpening?: boolean;
  /** Names of the models that should answer and do not. */
  readonly missing?: readonly string[];
  models(): readonly string[];
  /** What answers for a model, or for a version of it. @throws ServingError UNKNOWN_MODEL */
  find(model: string, version?: string): AnsweringModel;
  /** @throws ServingError UNKNOWN_MODEL */
  isModelReady(model: string, version?: string): boolean;
  /** @throws ServingError UNKNOWN_MODEL */
  statistics(model: string, version?: string): readonly ModelStatistics[];
}

/** The error for a model, or a version of it, that is not served. */
export function unknownModel(model: string, version?: string): ServingError {
  const which = version === undefined ? `'${model}'` : `'${model}' version ${version}`;
  return new ServingError('UNKNOWN_MODEL', `Request for unknown model: ${which} is not found`);
}

/** The error for whatever is asked before the models are open. */
export function stillOpening(): ServingError {
  return new ServingError('UNAVAILABLE', 'the models are being loaded');
}
