import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { INFERENCE_SERVICE } from '../../transport/grpc/service.ts';
import { latencyOf } from './latency.ts';
import type { LoadOptions, LoadResult } from './load.ts';

export interface GrpcLoadOptions extends Pick<LoadOptions, 'connections' | 'extent' | 'signal' | 'onAnswer'> {
  /** Host and port. */
  readonly address: string;
  /** `ModelInferRequest` messages. */
  readonly messages: readonly Uint8Array[];
}

const READY_MS = 10_000;

/**
 * Loads a server's `ModelInfer` in closed loop, over one HTTP/2 connection for each of `connections`.
 *
 * What REST counts as an answer other than 2xx is here a call with another status than OK.
 *
 * @throws Error when no connection is made.
 */
export async function runGrpcLoad(options: GrpcLoadOptions): Promise<LoadResult> {
  const { address, messages, connections, extent, signal, onAnswer } = options;
  const latencies: number[] = [];
  let failed = 0;
  let left = 'requests' in extent ? extent.requests : Number.POSITIVE_INFINITY;
  const clients = await openGrpcClients(address, connections);
  try {
    const startedAt = performance.now();
    const until = 'seconds' in extent ? startedAt + 1000 * extent.seconds : Number.POSITIVE_INFINITY;
    let endedAt = startedAt;
    const drive = async (client: Client, index: number) => {
      let next = Math.floor((index / connections) * messages.length);
      while (left-- > 0 && performance.now() < until && !signal.aborted) {
        const before = performance.now();
        if (await isGrpcAnswered(client, messages[next++ % messages.length]!)) {
          endedAt = performance.now();
          latencies.push(endedAt - before);
          onAnswer?.(latencies.length);
        } else failed++;
      }
    };
    await Promise.all(clients.map(drive));
    const seconds = (endedAt - startedAt) / 1000;
    return {
      requests: latencies.length,
      seconds,
      throughput: latencies.length / seconds,
      latency: latencyOf(latencies),
      non2xx: failed,
      errors: 0,
    };
  } finally {
    for (const client of clients) client.close();
  }
}

/** Clients that each have a connection of their own: they share them otherwise. @throws Error when none is made. */
export async function openGrpcClients(address: string, count: number): Promise<readonly Client[]> {
  const clients = Array.from(
    { length: count },
    () => new Client(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 }),
  );
  try {
    await Promise.all(clients.map(connected));
    return clients;
  } catch (error) {
    for (const client of clients) client.close();
    throw error;
  }
}

function connected(client: Client): Promise<void> {
  return new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + READY_MS, (error) => (error ? reject(error) : resolve()));
  });
}

/** Calls `ModelInfer`; false for any status but OK. */
export function isGrpcAnswered(client: Client, message: Uint8Array): Promise<boolean> {
  const { path, requestSerialize, responseDeserialize } = INFERENCE_SERVICE.ModelInfer!;
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, message, new Metadata(), (error) =>
      resolve(error === null),
    );
  });
}
