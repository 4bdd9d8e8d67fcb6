import { Hono, type MiddlewareHandler } from 'hono';
import { type InferencePlane, modelsAreOpening } from '../../plane/inference.ts';
import type { TensorSpec } from '../../protocol/types.ts';
import { catchingErrors, errorAnswer, type Handler, json, onlyMethod } from './answers.ts';
import type { NodeBindings } from './body.ts';
import { createInferHandler } from './infer-route.ts';
import { DEFAULT_LIMITS, type HttpLimits } from './limits.ts';
import { configurationJson } from './model-configuration.ts';
import { modelPath } from './model-path.ts';
import { passOtherModels } from './passing.ts';
import { statisticsJson } from './statistics.ts';

const EXTENSIONS = [
  'binary_tensor_data',
  'classification',
  'parameters',
  'model_repository',
  'model_configuration',
  'statistics',
  'pruning',
] as const;

/**
 * The v2 REST endpoints. Errors are answered here, so that the routes behave alike in any application.
 *
 * @param report - called with errors that are the server's fault.
 * @param guard - middleware for all paths below `/v2` except health, also for routes that are mounted later.
 */
export function createV2Routes(
  plane: InferencePlane,
  limits: Partial<HttpLimits> = {},
  report: (error: unknown) => void = () => {},
  guard?: MiddlewareHandler,
): Hono<{ Bindings: NodeBindings }> {
  const allLimits = { ...DEFAULT_LIMITS, ...limits };
  const routes = new Hono<{ Bindings: NodeBindings }>();

  function serve(method: 'GET' | 'POST', paths: readonly string[], handler: Handler): void {
    const answer = onlyMethod(method, catchingErrors(handler, allLimits, report));
    for (const path of paths) routes.all(path, answer);
  }
  function serveModel(method: 'GET' | 'POST', suffix: string, handler: Handler): void {
    serve(method, [`/v2/models/:model${suffix}`, `/v2/models/:model/versions/:version${suffix}`], handler);
  }

  serve('GET', ['/v2/health/live'], () => json({ live: plane.isLive }, plane.isLive ? 200 : 503));
  serve('GET', ['/v2/health/ready'], () =>
    plane.isReady
      ? json({ ready: true, ...(plane.problems?.length ? { problems: plane.problems } : {}) })
      : json({ ready: false, missing: plane.missing ?? [] }, 503),
  );
  routes.use('*', async (_, next) =>
    plane.isOpening ? errorAnswer(modelsAreOpening(), allLimits.retryAfterSeconds) : next(),
  );
  if (guard !== undefined) routes.use('/v2/*', guard);
  if (allLimits.passThrough !== undefined) routes.use('/v2/models/*', passOtherModels(allLimits.passThrough));
  serveModel('POST', '/infer', createInferHandler(plane, allLimits));
  serve('GET', ['/v2', '/v2/'], () =>
    json({ name: 'taustat', version: plane.version, extensions: EXTENSIONS }),
  );
  serve('GET', ['/v2/models/stats'], () =>
    json({ model_stats: plane.models().flatMap((model) => statisticsJson(model, plane.statistics(model))) }),
  );
  serveModel('GET', '/stats', (context) => {
    const { model, version } = modelPath(context);
    return json({ model_stats: statisticsJson(model, plane.statistics(model, version)) });
  });
  serveModel('GET', '/config', (context) => {
    const { model, version } = modelPath(context);
    return json(configurationJson(plane.find(model, version).configuration));
  });
  serveModel('GET', '/ready', (context) => {
    const { model, version } = modelPath(context);
    const isReady = plane.isReady && plane.isModelReady(model, version);
    return json({ name: model, ready: isReady }, isReady ? 200 : 503);
  });
  serveModel('GET', '', (context) => {
    const { model, version } = modelPath(context);
    const { name, versions, platform, inputs, optionalInputs, outputs } = plane.find(model, version).metadata;
    return json({
      name,
      versions,
      platform,
      inputs: inputs.map(specJson),
      ...(optionalInputs === undefined ? {} : { optional_inputs: optionalInputs.map(specJson) }),
      outputs: outputs.map(specJson),
    });
  });
  return routes;
}

function specJson({ name, datatype, shape }: TensorSpec) {
  return { name, datatype, shape };
}
