import { ServingError } from '../../config/errors.ts';
import type { InputRows } from '../inputs/input-rows.ts';
import { HttpConnection, httpMessage } from './http-connection.ts';
import { inferRequests, type WireForm } from './infer-requests.ts';
import type { ServerProcess } from './server-process.ts';

/** One connection that speaks one protocol: a request at a time, made beforehand, its answer received but not decoded. */
export interface ProtocolClient {
  /** @param index - which of the prepared requests. */
  send(index: number): Promise<unknown>;
  close(): void;
}

/** Opens the connections of one protocol, all with the same requests of `batch` rows. */
export type OpenClients = (
  server: ServerProcess,
  rows: InputRows,
  batch: number,
  connections: number,
) => Promise<readonly ProtocolClient[]>;

function overHttp(form: WireForm): OpenClients {
  return async (server, rows, batch, connections) => {
    const messages = inferRequests(rows, batch, form).map((request) =>
      httpMessage(server.url, server.model, request),
    );
    const open = async (): Promise<ProtocolClient> => {
      const connection = await HttpConnection.open(server.url);
      return {
        send: (index) => connection.send(messages[index % messages.length]!),
        close: () => connection.close(),
      };
    };
    return Promise.all(Array.from({ length: connections }, open));
  };
}

/** Messages that are prepared, at most. */
const MAX_MESSAGES = 64;

/** Raw tensors in `ModelInfer`. Loaded when asked for: see `Taustat.listenGrpc`. */
const overGrpc: OpenClients = async (server, rows, batch, connections) => {
  if (server.grpc === undefined) throw new ServingError('UNAVAILABLE', 'the server listens to no gRPC');
  const [{ isGrpcAnswered, openGrpcClients }, { encodeInferRequest }] = await Promise.all([
    import('./grpc-load.ts'),
    import('../../protocol/grpc/encode-request.ts'),
  ]);
  const count = Math.min(MAX_MESSAGES, Math.floor(rows.count / batch));
  const messages = Array.from({ length: count }, (_, i) => {
    const inputs = rows.batch(batch * i, batch * (i + 1));
    return encodeInferRequest(server.model, { parameters: {}, inputs }, true);
  });
  const clients = await openGrpcClients(server.grpc, connections);
  return clients.map((client) => ({
    send: async (index) => {
      if (await isGrpcAnswered(client, messages[index % count]!)) return;
      throw new ServingError('UNAVAILABLE', 'a call was not answered with OK');
    },
    close: () => client.close(),
  }));
};

/** Every protocol that is compared. Another is one more line. */
export const PROTOCOLS = {
  json: overHttp('json'),
  binary: overHttp('binary'),
  grpc: overGrpc,
} as const satisfies Readonly<Record<string, OpenClients>>;

export type Protocol = keyof typeof PROTOCOLS;

const NAMES = Object.keys(PROTOCOLS) as Protocol[];

/** @throws ServingError CONFIG_INVALID for a word that is no protocol, or one that is given twice. */
export function parseProtocols(text: string): readonly Protocol[] {
  const words = text.split(',').map((word) => word.trim());
  const protocols = words.map((word) => {
    const protocol = NAMES.find((name) => name === word);
    if (protocol !== undefined) return protocol;
    throw new ServingError('CONFIG_INVALID', `--protocols: '${word}' is none of ${NAMES.join(', ')}`);
  });
  if (new Set(protocols).size < protocols.length)
    throw new ServingError('CONFIG_INVALID', '--protocols: a protocol is given twice');
  return protocols;
}
