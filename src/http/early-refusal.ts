import type { IncomingMessage, ServerResponse } from 'node:http';
import { mayUseData, type Tokens } from '../authorization.ts';
import { ServingError } from '../errors.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import type { InferencePlane } from './plane.ts';

const INFER_PATH = /^\/v2\/models\/([^/?%]+)(?:\/versions\/\d+)?\/infer$/;

/** Answers a request before anything of it is looked at; false: it is the application's. */
export type EarlyRefusal = (incoming: IncomingMessage, outgoing: ServerResponse) => boolean;

/**
 * Refuses inference requests to a model that is overloaded, straight from the listener: what is refused should cost a
 * fraction of what is answered, or refusing is what overloads the server. Who may not ask is told so by the application.
 */
export function refuseWhenOverloaded(plane: InferencePlane, tokens: Tokens = {}): EarlyRefusal {
  return ({ method, url, headers }, outgoing) => {
    const model = method === 'POST' ? INFER_PATH.exec(url ?? '')?.[1] : undefined;
    if (model === undefined || !mayUseData((name) => headers[name]?.toString(), tokens)) return false;
    try {
      plane.admit?.(model);
      return false;
    } catch (error) {
      if (!(error instanceof ServingError) || error.code !== 'OVERLOADED') return false;
      const body = JSON.stringify({ error: error.message });
      outgoing.writeHead(error.status, {
        'Content-Type': 'application/json',
        'Content-Length': Buffer.byteLength(body),
        'Retry-After': String(DEFAULT_LIMITS.retryAfterSeconds),
      });
      outgoing.end(body);
      return true;
    }
  };
}
