import type { MiddlewareHandler } from 'hono';
import type { PassThrough } from '../../plane/pass-through.ts';
import { requireControl } from './access.ts';
import { pathNotFound } from './answers.ts';
import type { HttpContext } from './body.ts';

const MODEL_PATH = /^\/v2\/models\/([^/]+)/;
/** Paths of the data plane and its extensions. */
const PASSED_PATH = /^\/v2\//;
/** Paths that change how a server answers, logs or traces, of taustat and of Triton. */
const CONTROL_PATH = /^\/v2\/(logging|trace\/setting|models\/.+\/(trace\/setting|pruning(\/.*)?))\/?$/;
/** What clients have sent, which is read with the control token too. */
const INPUTS_PATH = /\/pruning\/inputs\/?$/;

/** Middleware that passes requests to models on that are not served here, before their bodies are read. */
export function passOtherModels({ passes, http, controlToken }: PassThrough): MiddlewareHandler {
  return async (context, next) => {
    const [, name] = MODEL_PATH.exec(context.req.path) ?? [];
    // Statistics of all models are this server's own.
    if (http === undefined || name === undefined || name === 'stats') return next();
    if (!passes(decoded(name))) return next();
    checkPassed(context, controlToken);
    return http(context.req.raw);
  };
}

/** Answers a path that nothing serves here. */
export function passOtherPaths({
  http,
  controlToken,
}: PassThrough): (context: HttpContext) => Response | Promise<Response> {
  return (context) => {
    if (http === undefined || !PASSED_PATH.test(context.req.path)) return pathNotFound(context);
    checkPassed(context, controlToken);
    return http(context.req.raw);
  };
}

/** @throws ServingError UNAUTHORIZED, FORBIDDEN for a change by one who may not change this server either. */
function checkPassed(context: HttpContext, controlToken: string | undefined): void {
  const { path, method } = context.req;
  const reads = method === 'GET' || method === 'HEAD';
  if (CONTROL_PATH.test(path) && (!reads || INPUTS_PATH.test(path))) requireControl(context, controlToken);
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
