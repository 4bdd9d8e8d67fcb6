import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { InferencePlane } from '../../plane/inference.ts';
import { authority, bareHost } from '../listen-address.ts';
import { listenError } from '../listen-error.ts';
import { HEALTH_SERVICE, type HealthOptions, healthHandlers } from './health.ts';
import { passedService } from './passed-service.ts';
import { addReflection } from './reflection.ts';
import { INFERENCE_SERVICE, inferenceHandlers } from './service.ts';

/** Where a server of gRPC listens. */
export interface GrpcAddress {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
}

export interface GrpcOptions extends HealthOptions {
  /** Largest message in bytes, compressed and decompressed. */
  readonly maxMessageBytes: number;
  /** Most open connections; one more is closed. */
  readonly maxConnections?: number;
  readonly onConnectionRefused?: () => void;
}

/** Most concurrent calls per connection: an incomplete message does not count as a body yet. */
const MAX_STREAMS = 128;

/** A server of gRPC that listens. */
export interface GrpcListening {
  readonly port: number;
  /** Host and port for clients. */
  readonly address: string;
  /** Refuses new calls, lets calls under way finish, and closes what is left after `graceMs`. */
  readonly stop: (graceMs: number) => Promise<void>;
}

/**
 * Serves a data plane and a repository over gRPC, without TLS, on a port of its own.
 *
 * The server listens itself and hands its connections to grpc-js, whose own listener cannot close single connections and
 * writes errors to stderr.
 *
 * @throws ServingError ADDRESS_IN_USE naming the address, CONFIG_INVALID if it cannot be listened on.
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
  const passed = passedService(options);
  if (passed !== undefined) server.addService(passed.service, passed.handlers);
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
      // HTTP/2 would wait for the preface of a client that has sent nothing yet.
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
      await closed;
      injector.destroy();
    },
  };
}
