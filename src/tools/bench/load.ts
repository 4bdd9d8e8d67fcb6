import type { Request, Result } from 'autocannon';
import { inferPath, type WireRequest } from './infer-requests.ts';
import { type Latency, latencyOf } from './latency.ts';

export interface LoadOptions {
  readonly url: string;
  readonly model: string;
  readonly requests: readonly WireRequest[];
  /** Connections that each send the next request when the last one is answered. */
  readonly connections: number;
  /** How much: for a time, or a number of requests. */
  readonly extent: { readonly seconds: number } | { readonly requests: number };
  /** Ends the load early. */
  readonly signal: AbortSignal;
  /** Told of every answer, with the number so far. */
  readonly onAnswer?: (answers: number) => void;
}

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Requests per second. */
  readonly throughput: number;
  /** Latency at the client, in milliseconds. */
  readonly latency: Latency;
  readonly non2xx: number;
  /** Connections that failed, and requests that were never answered. */
  readonly errors: number;
}

const STOP_CHECK_MS = 50;
/** Failed connections after which the load gives up: the server is gone. */
const BAILOUT = 20;

/**
 * Loads a server in closed loop with autocannon.
 *
 * Latencies are taken from each answer, since autocannon's own histogram is in whole milliseconds.
 */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { url, model, connections, extent, signal, onAnswer } = options;
  // Only what makes load loads it.
  const { default: autocannon } = await import('autocannon');
  const latencies: number[] = [];
  let nextClient = 0;
  let startedAt = performance.now();
  let endedAt = startedAt;
  const result = await new Promise<Result>((resolve, reject) => {
    const instance = autocannon(
      {
        url,
        connections,
        ...('seconds' in extent ? { duration: extent.seconds } : { amount: extent.requests }),
        sampleInt: STOP_CHECK_MS,
        bailout: BAILOUT,
        setupClient: (client) => {
          client.setRequests(requestsFor(nextClient++ / connections, options.requests, inferPath(model)));
        },
      },
      (error: unknown, loaded) => {
        signal.removeEventListener('abort', stop);
        if (error) reject(error);
        else resolve(loaded);
      },
    );
    const stop = () => instance.stop();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    instance.on('start', () => {
      startedAt = performance.now();
    });
    instance.on('response', (_client, _status, _bytes, ms) => {
      latencies.push(ms);
      endedAt = performance.now();
      onAnswer?.(latencies.length);
    });
  });
  const seconds = (endedAt - startedAt) / 1000;
  return {
    requests: latencies.length,
    seconds,
    throughput: latencies.length / seconds,
    latency: latencyOf(latencies),
    non2xx: result.non2xx,
    errors: result.errors,
  };
}

/** The rotation of one connection: all requests, from a place of its own. */
function requestsFor(phase: number, requests: readonly WireRequest[], path: string): Request[] {
  const from = Math.floor(phase * requests.length);
  return [...requests.slice(from), ...requests.slice(0, from)].map(({ body, headers }) => ({
    method: 'POST',
    path,
    body,
    headers: { ...headers },
  }));
}
