import type { ServerUnaryCall } from '@grpc/grpc-js';
import type { HeaderOf } from '../../plane/authorization.ts';
import type { InferContext, RequestTrace } from '../../plane/inference.ts';

export type Call = ServerUnaryCall<Buffer, Uint8Array>;

/** Reads a call's metadata like headers. */
export function headerOf({ metadata }: Pick<Call, 'metadata'>): HeaderOf {
  return (name) => metadata.get(name)[0]?.toString();
}

/** Our deadline comes this much before grpc-js cancels the call, which would look as if the client had gone. */
const DEADLINE_MARGIN_MS = 5;

/** One for all, since grpc-js says so of every call that is over, too. */
const GONE = new DOMException('the client has left', 'AbortError');

/**
 * The context of a call. Its signal is created when it is first read: few requests are ever queued.
 *
 * A class because of its accessor: see ClientRun.
 */
export class CallContext implements InferContext {
  readonly trace: RequestTrace;
  /** Time that the caller still waits, in milliseconds; undefined without a deadline. */
  readonly timeoutMs: number | undefined;
  readonly header: HeaderOf;
  readonly #call: Call;
  #controller: AbortController | undefined;

  constructor(call: Call, trace: RequestTrace) {
    this.trace = trace;
    this.header = headerOf(call);
    const deadline = Number(call.getDeadline());
    this.timeoutMs = Number.isFinite(deadline) ? deadline - Date.now() - DEADLINE_MARGIN_MS : undefined;
    this.#call = call;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      if (this.#call.cancelled) controller.abort(GONE);
      else this.#call.once('cancelled', () => controller.abort(GONE));
    }
    return this.#controller.signal;
  }
}
