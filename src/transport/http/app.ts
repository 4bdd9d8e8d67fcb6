import { Hono, type MiddlewareHandler } from 'hono';
import { ServingError } from '../../config/errors.ts';
import type { InferencePlane } from '../../plane/inference.ts';
import { errorAnswer, pathNotFound } from './answers.ts';
import type { NodeBindings } from './body.ts';
import { crossOrigin } from './cross-origin.ts';
import { DEFAULT_LIMITS, type HttpLimits } from './limits.ts';
import { passOtherPaths } from './passing.ts';
import { requirePlainTarget } from './request-target.ts';
import { createV2Routes } from './v2-routes.ts';

/**
 * The application: the v2 routes, and JSON for errors and unknown paths. Mount further routes on it with `app.route()`
 * rather than mounting it: an outer application would answer unknown paths itself and wrap every request.
 *
 * @param report - called with errors that are the server's fault.
 * @param guard - middleware for all paths below `/v2` except health.
 */
export function createApp(
  plane: InferencePlane,
  limits: Partial<HttpLimits> = {},
  report: (error: unknown) => void = () => {},
  guard?: MiddlewareHandler,
): Hono<{ Bindings: NodeBindings }> {
  const app = new Hono<{ Bindings: NodeBindings }>();
  app.onError((error) => {
    if (!(error instanceof ServingError) || error.status === 500) report(error);
    return errorAnswer(error, limits.retryAfterSeconds ?? DEFAULT_LIMITS.retryAfterSeconds);
  });
  app.notFound(limits.passThrough === undefined ? pathNotFound : passOtherPaths(limits.passThrough));
  app.use('*', requirePlainTarget);
  const { corsOrigins = [], sequenceHeader } = limits;
  const ownHeaders = sequenceHeader === undefined ? [] : [sequenceHeader];
  if (corsOrigins.length > 0) app.use('*', crossOrigin(corsOrigins, ownHeaders));
  app.route('/', createV2Routes(plane, limits, report, guard));
  return app;
}
