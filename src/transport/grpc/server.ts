import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { InferencePlane } from '../../plane/inference.ts';
import { authority, bareHost } from '../listen-address.ts';
import { listenError } from '../listen-error.ts';
import { HEALTH_SERVICE, type HealthOptions, healthHandlers } from './health.ts';
import { addReflection } from './reflection.ts';
import { INFERENCE_SERVICE, inferenceHandlers } from './service.ts';

export interface GrpcAddress {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
}

export interface GrpcOptions extends HealthOptions {
  /** Largest message, in bytes, as it arrives and after decompression. */
  readonly maxMessageBytes: number;
  /** Most connections at one time; one beyond is closed. */
  readonly maxConnections?: number;
  readonly onConnectionRefused?: () => void;
}

/** Messages that one connection may be sending at one time: until a message is whole, it does not count as a body. */
const MAX_STREAMS = 128;

export interface GrpcListening {
  readonly port: number;
  /** As clients take it: host and port. */
  readonly address: string;
  /** Accepts no new call, lets calls under way finish, and cuts what is left after `graceMs`. */
  readonly stop: (graceMs: number) => Promise<void>;
}

/**
 * Serves a data plane and a repository over gRPC, without TLS, on a port of its own.
 *
 * The port is ours and gRPC gets its connections, since what grpc-js listens on itself cannot be told which connections
 * to end, and writes its errors to stderr.
 *
 * @throws ServingError ADDRESS_IN_USE naming the address, CONFIG_INVALID when it cannot be listened on.
 */
export async function listenGrpc(
  plane: InferencePlane,
  { host: asked, port }: GrpcAddress,
  options: GrpcOptions,
): Promise<GrpcListening> {
  const host = bareHost(asked);
  const server = new Server({
    'grpc.max_receive_message_length': options.maxMessageBytes,
    'grpc.max_concurrent_streams': MAX_STREAMS,
    'grpc.enable_channelz': 0,
  });
  const health = healthHandlers(plane, options);
  server.addService(INFERENCE_SERVICE, inferenceHandlers(plane, options));
  server.addService(HEALTH_SERVICE, health.handlers);
  addReflection(server, options.tokens ?? {});
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const sockets = new Set<Socket>();
  const { maxConnections = Number.POSITIVE_INFINITY, onConnectionRefused } = options;
  const listener = createServer({ noDelay: true }, (socket) => {
    if (sockets.size >= maxConnections) {
      onConnectionRefused?.();
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    injector.injectConnection(socket);
  });
  await new Promise<void>((resolve, reject) => {
    listener.once('error', (error: NodeJS.ErrnoException) =>
      reject(listenError(error, host, port, '--grpc-port')),
    );
    listener.listen(port, host, resolve);
  });
  const actual = (listener.address() as AddressInfo).port;
  return {
    port: actual,
    address: authority(host, actual),
    stop: async (graceMs) => {
      const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
      health.end();
      injector.drain(graceMs);
      // HTTP/2 waits for the first words of a client that has said nothing yet.
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
      await closed;
      injector.destroy();
    },
  };
}
