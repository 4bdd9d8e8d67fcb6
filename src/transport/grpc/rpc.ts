/** What every RPC has in common: messages as bytes, the token, errors that end the call with a status. */
import type { MethodDefinition, sendUnaryData } from '@grpc/grpc-js';
import { ServingError } from '../../config/errors.ts';
import { mayUseDataPlane, type Tokens } from '../../plane/authorization.ts';
import type { GrpcPassThrough, PassThrough } from '../../plane/pass-through.ts';
import type { RepositoryPlane } from '../../plane/repository.ts';
import type { DecodeLimits } from '../../protocol/decode-request.ts';
import type { BufferedBytes } from '../buffered-bytes.ts';
import { type Call, headerOf } from './call-context.ts';
import { isOwnFault, statusOf } from './status.ts';

export const INFERENCE_SERVICE_NAME = 'inference.GRPCInferenceService';

export interface InferenceServiceOptions extends DecodeLimits {
  /** The tokens that callers need; liveness and readiness of the server need none. */
  readonly tokens?: Tokens | undefined;
  /** Absent: the repository RPCs are refused. */
  readonly repository?: RepositoryPlane | undefined;
  /** The memory of all bodies, shared with HTTP. A message counts once it is complete: grpc-js shows it no earlier. */
  readonly buffered?: BufferedBytes | undefined;
  /** Called with errors that are the server's fault. */
  readonly report?: ((error: unknown) => void) | undefined;
  /** Where calls go that are not answered here; absent: they are refused. */
  readonly passThrough?: (GrpcPassThrough & Pick<PassThrough, 'passes'>) | undefined;
}

export type Rpc = (call: Call) => Uint8Array | Promise<Uint8Array>;

/** A method with messages as bytes. */
export function bytesMethod(
  service: string,
  method: string,
  responseStream = false,
): MethodDefinition<Uint8Array, Uint8Array> {
  const asBuffer = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    path: `/${service}/${method}`,
    requestStream: false,
    responseStream,
    requestSerialize: asBuffer,
    requestDeserialize: (bytes) => bytes,
    responseSerialize: asBuffer,
    responseDeserialize: (bytes) => bytes,
  };
}

/** @throws ServingError UNAUTHORIZED if a call may not use the data plane. */
export function requireToken(call: Pick<Call, 'metadata'>, tokens: Tokens): void {
  if (!mayUseDataPlane(headerOf(call), tokens))
    throw new ServingError('UNAUTHORIZED', 'a bearer token or an API key is needed');
}

/** Wraps an RPC so that every error ends the call with its status. */
export function catchingErrors(
  rpc: Rpc,
  report: (error: unknown) => void = () => {},
): (call: Call, respond: sendUnaryData<Uint8Array>) => void {
  return (call, respond) => {
    void answer(rpc, call, respond, report);
  };
}

async function answer(
  rpc: Rpc,
  call: Call,
  respond: sendUnaryData<Uint8Array>,
  report: (error: unknown) => void,
): Promise<void> {
  try {
    respond(null, await rpc(call));
  } catch (error) {
    if (isOwnFault(error)) report(error);
    respond(statusOf(error));
  }
}
