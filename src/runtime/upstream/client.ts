import { type ErrorCode, messageOf, ServingError } from '../../config/errors.ts';
import type { ModelMetadata, Parameters, Tensor } from '../../protocol/types.ts';

export type Headers = Readonly<Record<string, string>>;

export interface UpstreamRequest {
  readonly model: string;
  readonly inputs: readonly Tensor[];
  /** Names of the outputs to return. */
  readonly outputs: readonly string[];
  readonly parameters?: Parameters | undefined;
  /** Headers, or metadata of the call. */
  readonly headers: Headers;
  /** Ends the request, there too where the protocol can. */
  readonly signal: AbortSignal;
}

/** An upstream server, whatever protocol it speaks. Every method fails with an `UpstreamFault`. */
export interface UpstreamClient {
  /** In the order in which the server returns them, as it describes them: nothing is checked but the form. */
  infer(request: UpstreamRequest): Promise<readonly Tensor[]>;
  isReady(model: string, signal: AbortSignal): Promise<boolean>;
  metadata(model: string, signal: AbortSignal): Promise<ModelMetadata>;
  /** Text by key, of the model's configuration; nothing where the server tells none. */
  parameters(model: string, signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
  close(): Promise<void>;
}

/** What became of a request to an upstream server, when it was not answered. */
export type FaultKind =
  /** There is no connection: nothing was executed. */
  | 'unreached'
  /** The connection broke; whether anything was executed is not known. */
  | 'lost'
  /** It has no room now, or is not ready: nothing was executed. */
  | 'busy'
  /** It has no such model. */
  | 'unknown'
  /** It does not accept the request. */
  | 'invalid'
  /** The request is larger than it takes. */
  | 'too-large'
  /** It wants other credentials. */
  | 'unauthorized'
  | 'forbidden'
  /** It took too long. */
  | 'late'
  /** Whoever asked has left. */
  | 'cancelled'
  /** It failed, or answered what is no answer. */
  | 'failed';

const CODES: Readonly<Record<FaultKind, ErrorCode>> = {
  unreached: 'UNAVAILABLE',
  lost: 'UNAVAILABLE',
  busy: 'OVERLOADED',
  unknown: 'UNAVAILABLE',
  invalid: 'INVALID_REQUEST',
  'too-large': 'PAYLOAD_TOO_LARGE',
  unauthorized: 'UNAUTHORIZED',
  forbidden: 'FORBIDDEN',
  late: 'DEADLINE_EXCEEDED',
  cancelled: 'UNAVAILABLE',
  failed: 'INFERENCE_FAILED',
};

/** An upstream server's failure as clients get it. */
export class UpstreamFault extends ServingError {
  readonly kind: FaultKind;

  constructor(kind: FaultKind, message: string, options?: ErrorOptions) {
    super(CODES[kind], message, options);
    this.kind = kind;
  }
}

/** Whether the server has answered, with a refusal. */
export function isAnswer(kind: FaultKind): boolean {
  return kind !== 'unreached' && kind !== 'lost' && kind !== 'late' && kind !== 'cancelled';
}

/** A signal that ran out of time has a TimeoutError as its reason. */
export function abortFault(signal: AbortSignal): UpstreamFault {
  return (signal.reason as Error | undefined)?.name === 'TimeoutError'
    ? new UpstreamFault('late', 'upstream: no answer in time')
    : new UpstreamFault('cancelled', 'the request was cancelled');
}

/** An answer that cannot be read is the server's fault. */
export function malformed(error: unknown): UpstreamFault {
  return new UpstreamFault('failed', `upstream: malformed answer: ${messageOf(error)}`, { cause: error });
}
