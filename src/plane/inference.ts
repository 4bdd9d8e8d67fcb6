import { ServingError } from '../config/errors.ts';
import type { InferRequest, InferResponse, ModelMetadata } from '../protocol/types.ts';

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

/**
 * The data plane, free of any transport: what REST, gRPC and the library's own `infer` call.
 *
 * Models are replaced while they serve. What `metadata` and `infer` mean by a name is one version as long as nothing is
 * awaited in between; a request that has waited (for its body) is decoded against metadata that is asked for after that.
 */
export interface InferencePlane {
  /** Version of the server. */
  readonly version: string;
  readonly isLive: boolean;
  /** False while loading or draining. */
  readonly isReady: boolean;
  models(): readonly string[];
  /** @throws ServingError UNKNOWN_MODEL */
  metadata(model: string, version?: string): ModelMetadata;
  /** @throws ServingError UNKNOWN_MODEL */
  isModelReady(model: string, version?: string): boolean;
  /** @throws ServingError UNKNOWN_MODEL */
  statistics(model: string, version?: string): readonly ModelStatistics[];
  /**
   * Whether a request would be let in now, before anything is spent on reading it; absent: that shows when it is answered.
   *
   * @throws ServingError UNKNOWN_MODEL, OVERLOADED
   */
  admit?(model: string, version?: string): void;
  /**
   * Answers a request that `decodeInferRequest` has checked against the model's metadata. Outputs that were asked for
   * by name are answered alone; a `timeout` parameter is a deadline in microseconds.
   *
   * @throws ServingError UNKNOWN_MODEL, OVERLOADED, UNAVAILABLE, WORKER_LOST, DEADLINE_EXCEEDED, INFERENCE_FAILED
   */
  infer(
    model: string,
    version: string | undefined,
    request: InferRequest,
    context: InferContext,
  ): Promise<InferResponse>;
}

/** The error for a model, or a version of it, that is not served. */
export function unknownModel(model: string, version?: string): ServingError {
  const which = version === undefined ? `'${model}'` : `'${model}' version ${version}`;
  return new ServingError('UNKNOWN_MODEL', `Request for unknown model: ${which} is not found`);
}
