import { Server, ServerCredentials } from '@grpc/grpc-js';
import { messageOf, ServingError } from '../errors.ts';
import type { InferencePlane } from '../http/plane.ts';
import { INFERENCE_SERVICE, type InferenceServiceOptions, inferenceHandlers } from './service.ts';

export interface GrpcAddress {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
}

export interface GrpcOptions extends InferenceServiceOptions {
  /** Largest message, in bytes, as it arrives and after decompression. */
  readonly maxMessageBytes: number;
}

export interface GrpcListening {
  readonly port: number;
  /** As clients take it: host and port. */
  readonly address: string;
  /** Accepts no new call, lets calls under way finish, and cuts what is left after `graceMs`. */
  readonly stop: (graceMs: number) => Promise<void>;
}

/**
 * Serves a data plane over gRPC, without TLS, on a port of its own.
 *
 * @throws ServingError ADDRESS_IN_USE naming the address, CONFIG_INVALID when it cannot be listened on.
 */
export async function listenGrpc(
  plane: InferencePlane,
  { host, port }: GrpcAddress,
  options: GrpcOptions,
): Promise<GrpcListening> {
  const server = new Server({
    'grpc.max_receive_message_length': options.maxMessageBytes,
    'grpc.enable_channelz': 0,
  });
  server.addService(INFERENCE_SERVICE, inferenceHandlers(plane, options));
  const at = (bound: number) => `${host.includes(':') ? `[${host}]` : host}:${bound}`;
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(at(port), ServerCredentials.createInsecure(), (error, actual) => {
      if (error === null) resolve(actual);
      else reject(listenError(error, at(port)));
    });
  });
  return { port: bound, address: at(bound), stop: (graceMs) => stop(server, graceMs) };
}

function listenError(error: Error, address: string): ServingError {
  if (messageOf(error).includes('EADDRINUSE')) {
    return new ServingError(
      'ADDRESS_IN_USE',
      `${address} is in use; choose another with --grpc-port, or 0 for a free one`,
    );
  }
  return new ServingError('CONFIG_INVALID', `cannot listen on ${address}: ${messageOf(error)}`);
}

async function stop(server: Server, graceMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const cut = setTimeout(resolve, graceMs);
    server.tryShutdown(() => {
      clearTimeout(cut);
      resolve();
    });
  });
  server.forceShutdown();
}
