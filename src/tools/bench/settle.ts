import type { WireRequest } from './infer-requests.ts';
import { runLoad } from './load.ts';
import type { ServerProcess } from './server-process.ts';
import { readServer } from './server-reading.ts';

/** Where a thermostat came to rest. */
export interface Settled {
  /** It applies a threshold whose agreement is proven, to all of production. */
  readonly isTracking: boolean;
  readonly state: string;
  readonly threshold: number;
  /** Share of production that is pruned. */
  readonly exposure: number;
  /** Time under load that it took, or was given. */
  readonly seconds: number;
}

const POLL_MS = 250;
/** A threshold that has not moved for so long is taken for the last: the controller climbs in steps. */
const STEADY_SECONDS = 15;

/**
 * Sends a server in mode auto one request after another until it tracks a threshold that stays, for `maxSeconds` at most; a model
 * without sites never will. More at once would leave it no idle time to search in.
 */
export async function settle(
  server: ServerProcess,
  requests: readonly WireRequest[],
  maxSeconds: number,
  signal: AbortSignal,
): Promise<Settled> {
  const { url, model } = server;
  const enough = new AbortController();
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const load = runLoad({
    url,
    model,
    requests,
    connections: 1,
    extent: { seconds: Math.max(1, maxSeconds) },
    signal: AbortSignal.any([signal, enough.signal]),
  });
  let last = 0;
  let steadyFrom = 0;
  try {
    for (;;) {
      server.checkAlive();
      const { state, threshold, exposure, sites } = await readServer(url);
      if (threshold !== last) {
        last = threshold;
        steadyFrom = seconds();
      }
      // A candidate that still has to prove itself is in a small part of production, and the rest is dense.
      const isTracking = state === 'tracking' && exposure === 1;
      const isSteady = isTracking && seconds() - steadyFrom >= STEADY_SECONDS;
      if (isSteady || sites === 0 || seconds() >= maxSeconds || signal.aborted) {
        return { isTracking, state, threshold, exposure, seconds: seconds() };
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  } finally {
    enough.abort();
    await load;
  }
}
