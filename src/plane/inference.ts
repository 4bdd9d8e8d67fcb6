import type { Attributes, SpanContext } from '@opentelemetry/api';
import { ServingError } from '../config/errors.ts';
import type { InferRequest, InferResponse, ModelMetadata } from '../protocol/types.ts';
import type { ModelConfiguration } from './model-configuration.ts';

/** The span of a request, as far as those need it who answer. Times are of `performance.now()`. */
export interface RequestTrace {
  /** Whether anybody keeps it. */
  readonly isRecording: boolean;
  /** Identifies it to linked spans. */
  readonly origin: SpanContext;
  set(attributes: Attributes): void;
  /** A part of the request that is over. */
  part(name: string, startTime: number, endTime: number): void;
}

/** What a request has besides its content. */
export interface InferContext {
  /** Aborts when the client goes away; its queued runs are then dropped. */
  readonly signal?: AbortSignal | undefined;
  /** Time that the caller still waits; a `timeout` parameter may shorten it. */
  readonly timeoutMs?: number | undefined;
  readonly trace?: RequestTrace | undefined;
  /** A header of the request, or an entry of a call's metadata; absent: there are none. */
  readonly header?: ((name: string) => string | undefined) | undefined;
  /** The caller needs the input tensors afterwards: they are copied to a worker instead of transferred. */
  readonly keepInputs?: boolean;
}

/** A number of requests and the time they took together. */
interface DurationTotal {
  readonly count: number;
  readonly ns: number;
}

/** Runs of one size. */
export interface BatchStatistics {
  /** Rows of each run, of all its requests. */
  readonly rows: number;
  readonly infer: DurationTotal;
}

/** Totals since the model was loaded. */
export interface ModelStatistics {
  readonly version: string;
  /** Inferences: rows of the batches of successful requests. */
  readonly inferenceCount: number;
  /** Runs of the model; one that several requests share counts once. */
  readonly executionCount: number;
  /** Unix milliseconds of the last request; 0 before the first. */
  readonly lastInferenceMs: number;
  readonly success: DurationTotal;
  readonly fail: DurationTotal;
  readonly queue: DurationTotal;
  readonly infer: DurationTotal;
  /** Of bodies into tensors, and of tensors into bodies; requests of the library have neither. */
  readonly decode: DurationTotal;
  readonly encode: DurationTotal;
  /** By size, the smallest first; of the first 256 sizes. */
  readonly batches: readonly BatchStatistics[];
}

/** Time that an answered request took outside of the model, in milliseconds. */
export interface TransportTimes {
  readonly decodeMs: number;
  readonly encodeMs: number;
}

/** A version of a model that answers requests. */
export interface AnsweringModel {
  /** The metadata for clients, with all versions that answer. The same object until they change. */
  readonly metadata: ModelMetadata;
  readonly configuration: ModelConfiguration;
  /** False once it was replaced or unloaded: a caller that has waited must call `find` again. */
  readonly isCurrent: boolean;
  /** Checks, before a body is read, whether the request would be accepted now. @throws ServingError OVERLOADED */
  admit(): void;
  /**
   * Answers a request that was checked against the model's metadata: with the requested outputs, by default all. A
   * `timeout` parameter is a deadline in microseconds.
   *
   * @throws ServingError OVERLOADED, UNAVAILABLE, WORKER_LOST, DEADLINE_EXCEEDED, INVALID_REQUEST, INFERENCE_FAILED
   */
  infer(request: InferRequest, context: InferContext): Promise<InferResponse>;
  /** Counts what the transport did, once the request is answered. */
  transported(times: TransportTimes): void;
}

/**
 * The data plane, independent of transports: REST, gRPC and the library's `infer` call it.
 *
 * Models can be replaced at any time. The result of `find` is current until the caller awaits something.
 */
export interface InferencePlane {
  /** Version of the server. */
  readonly version: string;
  readonly isLive: boolean;
  /** False while loading or draining. */
  readonly isReady: boolean;
  /** The models are being opened for the first time; until then only health requests are answered. */
  readonly isOpening?: boolean;
  /** Names of the models that should answer but do not. */
  readonly missing?: readonly string[];
  /** What is wrong although requests are answered, such as a shared store that is out of reach. */
  readonly problems?: readonly string[];
  models(): readonly string[];
  /** The model's version; if none is given, the one that answers by default. @throws ServingError UNKNOWN_MODEL */
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

/** The error for requests before the models are open. */
export function modelsAreOpening(): ServingError {
  return new ServingError('UNAVAILABLE', 'the models are being loaded');
}
