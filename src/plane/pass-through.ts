import type { Duplex } from 'node:stream';

/** What is not answered here goes to the server behind this one, untouched. */
export interface PassThrough {
  /** Token that changes of that server need here, as those of this one do: it may trust this server more than a client. */
  readonly controlToken?: string | undefined;
  /** Whether requests to this model are not answered here. O(1). */
  passes(model: string): boolean;
  /** A request over HTTP; neither body is buffered. Absent: that server is not known to speak HTTP. @throws ServingError UNAVAILABLE where the server cannot be reached. */
  readonly http?: ((request: Request) => Promise<Response>) | undefined;
}

export interface GrpcPassThrough {
  /** Ends with the status of the server behind. @param path - `/service/method`. */
  unary(path: string, message: Uint8Array, call: PassedCall): Promise<Uint8Array>;
  /** Messages in both directions, as fast as both sides take them; an error ends the call. */
  stream(path: string, call: PassedCall): Duplex;
}

export interface PassedCall {
  /** Metadata of the call, without what belongs to one connection. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}
