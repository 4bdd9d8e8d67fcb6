import type { ServerUnaryCall } from '@grpc/grpc-js';
import type { InferContext } from '../../plane/inference.ts';

export type Call = ServerUnaryCall<Buffer, Uint8Array>;

/** A request is late a moment before grpc-js ends its call, which would look as if the client had gone. */
const HEAD_START_MS = 5;

/**
 * What a call says beyond its message. The signal is made when somebody asks for it: few requests are ever queued.
 *
 * A class for its accessor: see ClientRun.
 */
export class CallContext implements InferContext {
  readonly traceparent: string | undefined;
  /** How long the caller still waits; undefined without a deadline. */
  readonly timeoutMs: number | undefined;
  readonly #call: Call;
  #controller: AbortController | undefined;

  constructor(call: Call) {
    const [traceparent] = call.metadata.get('traceparent');
    this.traceparent = traceparent?.toString();
    const deadline = Number(call.getDeadline());
    this.timeoutMs = Number.isFinite(deadline) ? deadline - Date.now() - HEAD_START_MS : undefined;
    this.#call = call;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      if (this.#call.cancelled) controller.abort();
      else this.#call.once('cancelled', () => controller.abort());
    }
    return this.#controller.signal;
  }
}
