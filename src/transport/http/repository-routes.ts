import { Hono } from 'hono';
import { ServingError } from '../../config/errors.ts';
import { checkChangeParameter, type RepositoryPlane } from '../../plane/repository.ts';
import { type JsonObject, readJson } from '../../protocol/json/json-reader.ts';
import type { BufferedBytes } from '../buffered-bytes.ts';
import { requireControl } from './access.ts';
import { catchingErrors, json, onlyMethod } from './answers.ts';
import { type HttpContext, type NodeBindings, readBody } from './body.ts';
import { DEFAULT_LIMITS, type HttpLimits } from './limits.ts';
import { modelPath } from './model-path.ts';

const MAX_BODY_BYTES = 64 * 1024;

/**
 * `POST /v2/repository/index`, `…/models/{m}/load` and `…/models/{m}/unload`. Load and unload need control access.
 *
 * @param token - control token; without one, changes are accepted only from this machine.
 * @param report - called with errors that are the server's fault.
 */
export function createRepositoryRoutes(
  plane: RepositoryPlane,
  token: string | undefined,
  report: (error: unknown) => void = () => {},
  { buffered = DEFAULT_LIMITS.buffered }: Partial<HttpLimits> = {},
): Hono<{ Bindings: NodeBindings }> {
  const routes = new Hono<{ Bindings: NodeBindings }>();
  function serve(path: string, handler: (context: HttpContext) => Promise<Response>): void {
    routes.all(path, onlyMethod('POST', catchingErrors(handler, DEFAULT_LIMITS, report)));
  }
  serve('/v2/repository/index', async (context) => {
    const ready = (await readRoot(context, buffered))?.get('ready') ?? false;
    if (typeof ready !== 'boolean') throw refusedBody();
    const entries = await plane.index();
    return json(ready ? entries.filter(({ state }) => state === 'READY') : entries);
  });
  serve('/v2/repository/models/:model/load', (context) => change(context, (model) => plane.load(model)));
  serve('/v2/repository/models/:model/unload', (context) => change(context, (model) => plane.unload(model)));

  async function change(context: HttpContext, work: (model: string) => Promise<void>): Promise<Response> {
    requireControl(context, token);
    const { model } = modelPath(context);
    refuseParameters(await readRoot(context, buffered));
    await work(model);
    return new Response(null, { status: 200 });
  }
  return routes;
}

/** The body, which may be absent, empty or a JSON object. @throws ServingError INVALID_REQUEST, PAYLOAD_TOO_LARGE */
async function readRoot(context: HttpContext, buffered: BufferedBytes): Promise<JsonObject | undefined> {
  const body = await readBody(context, { maxBodyBytes: MAX_BODY_BYTES, buffered });
  if (body.byteLength === 0) return undefined;
  const { root } = readJson(body);
  if (root instanceof Map) return root as JsonObject;
  throw refusedBody();
}

function refuseParameters(root: JsonObject | undefined): void {
  const parameters = root?.get('parameters');
  if (parameters === undefined) return;
  if (!(parameters instanceof Map))
    throw new ServingError('INVALID_REQUEST', "'parameters' must be an object");
  for (const name of (parameters as JsonObject).keys()) checkChangeParameter(name);
}

function refusedBody(): ServingError {
  return new ServingError('INVALID_REQUEST', "expected a JSON object with an optional boolean 'ready'");
}
