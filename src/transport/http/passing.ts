import type { MiddlewareHandler } from 'hono';
import type { PassThrough } from '../../plane/pass-through.ts';
import { pathNotFound } from './answers.ts';
import type { HttpContext } from './body.ts';

const MODEL_PATH = /^\/v2\/models\/([^/]+)/;
/** Paths of the data plane and its extensions. */
const PASSED_PATH = /^\/v2\//;

/** Middleware that passes requests to models on that are not served here, before their bodies are read. */
export function passOtherModels({ passes, http }: PassThrough): MiddlewareHandler {
  return async (context, next) => {
    const [, name] = MODEL_PATH.exec(context.req.path) ?? [];
    // Statistics of all models are this server's own.
    if (http === undefined || name === undefined || name === 'stats') return next();
    return passes(decoded(name)) ? http(context.req.raw) : next();
  };
}

/** Answers a path that nothing serves here. */
export function passOtherPaths({
  http,
}: PassThrough): (context: HttpContext) => Response | Promise<Response> {
  return (context) =>
    http !== undefined && PASSED_PATH.test(context.req.path) ? http(context.req.raw) : pathNotFound(context);
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
