import { Hono, type MiddlewareHandler } from 'hono';
import type { InferencePlane } from '../../plane/inference.ts';
import { errorAnswer, pathNotFound } from './answers.ts';
import type { NodeBindings } from './body.ts';
import { crossOrigin } from './cross-origin.ts';
import { DEFAULT_LIMITS, type HttpLimits } from './limits.ts';
import { requirePlainTarget } from './request-target.ts';
import { createV2Routes } from './v2-routes.ts';

/**
 * The application: the v2 routes, JSON errors, JSON for unknown paths. Further routes are mounted on it with
 * `app.route()`; it is itself what should be served, because an application that mounts it answers unknown paths its own
 * way and puts a wrapper around every request.
 *
 * @param report - hears of errors that are the server's fault.
 * @param guard - decides about everything below `/v2` but health.
 */
export function createApp(
  plane: InferencePlane,
  limits: Partial<HttpLimits> = {},
  report: (error: unknown) => void = () => {},
  guard?: MiddlewareHandler,
): Hono<{ Bindings: NodeBindings }> {
  const app = new Hono<{ Bindings: NodeBindings }>();
  app.onError((error) => {
    report(error);
    return errorAnswer(error, limits.retryAfterSeconds ?? DEFAULT_LIMITS.retryAfterSeconds);
  });
  app.notFound(pathNotFound);
  app.use('*', requirePlainTarget);
  const { corsOrigins = [] } = limits;
  if (corsOrigins.length > 0) app.use('*', crossOrigin(corsOrigins));
  app.route('/', createV2Routes(plane, limits, report, guard));
  return app;
}
