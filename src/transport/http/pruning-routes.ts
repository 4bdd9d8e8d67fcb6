import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Context, Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import { z } from 'zod';
import { ServingError } from '../../config/errors.ts';
import { MODES, type Mode } from '../../config/modes.ts';
import type { PruningPlane, Unfollow } from '../../plane/pruning.ts';
import { type JsonObject, readJson } from '../../protocol/json/json-reader.ts';
import { checkNpzInputs, fittingNpz, type NumberedRequest, npzOf } from '../../protocol/npz.ts';
import { quoted } from '../../protocol/quoted.ts';
import type { BufferedBytes } from '../buffered-bytes.ts';
import { requireControl } from './access.ts';
import { errorAnswer, json } from './answers.ts';
import { type HttpContext, type NodeBindings, readBody } from './body.ts';
import { DEFAULT_LIMITS, type HttpLimits } from './limits.ts';
import { type ModelPath, modelPath } from './model-path.ts';

/** Thresholds reach the model as float32. */
const MAX_FLOAT32 = 3.4028234663852886e38;

export const PutBody = z.object({
  mode: z.enum(MODES as [Mode, ...Mode[]]),
  threshold: z.number().nonnegative().max(MAX_FLOAT32).optional(),
});

export const BackBody = z.object({ to: z.number().positive().max(MAX_FLOAT32).optional() });

const HEARTBEAT_MS = 15_000;
/** Most unread events of a client beyond the connection's buffers; after that the connection is closed. */
const MAX_PENDING = 64;
const MAX_BODY_BYTES = 64 * 1024;
/** Most requests in one answer of `…/inputs`, and what is answered where no limit is asked for. */
const MAX_KEPT_REQUESTS = 1000;

/**
 * `GET /v2/pruning`, `GET|PUT /v2/models/{m}[/versions/{v}]/pruning`, `GET …/pruning/history`, `…/activations`, `…/events` and `…/inputs`, `POST …/last-good`.
 *
 * @param token - control token, which PUT, POST and `inputs` need; without one, they are accepted only from this machine.
 */
export function createPruningRoutes(
  plane: PruningPlane,
  token: string | undefined,
  limits: Partial<HttpLimits> = {},
): Hono<{ Bindings: NodeBindings }> {
  const { buffered, maxEventStreams, onStreamRefused, maxInputReaders, retryAfterSeconds } = {
    ...DEFAULT_LIMITS,
    ...limits,
  };
  const admitStream = bounded(maxEventStreams, 'event streams are open already', onStreamRefused);
  const admitReader = bounded(maxInputReaders, 'clients read kept requests already');
  const routes = new Hono<{ Bindings: NodeBindings }>();
  routes.onError((error) => errorAnswer(error, retryAfterSeconds));
  routes.get('/v2/pruning', () => json(plane.overview()));
  routes.all('/v2/pruning', (context) => methodNotAllowed(context, 'GET, HEAD'));
  for (const path of ['/v2/models/:model/pruning', '/v2/models/:model/versions/:version/pruning']) {
    routes.get(path, async (context) => {
      const { model, version } = modelPath(context);
      return json(await plane.report(model, version));
    });
    routes.put(path, async (context) => {
      requireControl(context, token);
      const { model, version } = modelPath(context);
      const { mode, threshold } = await readPut(context, buffered);
      return json(await plane.setMode(model, mode, threshold, version));
    });
    routes.post(`${path}/last-good`, async (context) => {
      requireControl(context, token);
      const { model, version } = modelPath(context);
      const { to } = await readBack(context, buffered);
      return json(await plane.goBack(model, to, version));
    });
    routes.get(`${path}/events`, (context) => events(context, plane, modelPath(context), admitStream));
    routes.get(`${path}/inputs`, (context) => {
      requireControl(context, token);
      const { model, version } = modelPath(context);
      const [from, limit] = [firstNumber(context), requestLimit(context)];
      const requests = fittingNpz(plane.keptRequests(model, from, limit, version));
      checkNpzInputs(requests[0]?.inputs ?? []);
      // The body of an answer to HEAD is never read, so its end could not be noticed.
      if (context.req.method === 'HEAD') return new Response(null, { headers: NPZ_TYPE });
      return keptInputs(requests, admitReader());
    });
    routes.get(`${path}/history`, (context) => {
      const { model, version } = modelPath(context);
      return json(plane.history(model, version));
    });
    routes.get(`${path}/activations`, (context) => {
      const { model, version } = modelPath(context);
      return json(plane.activations(model, version));
    });
    routes.all(path, (context) => methodNotAllowed(context, 'GET, HEAD, PUT'));
    routes.all(`${path}/activations`, (context) => methodNotAllowed(context, 'GET, HEAD'));
    routes.all(`${path}/last-good`, (context) => methodNotAllowed(context, 'POST'));
    routes.all(`${path}/history`, (context) => methodNotAllowed(context, 'GET, HEAD'));
    routes.all(`${path}/inputs`, (context) => methodNotAllowed(context, 'GET, HEAD'));
    routes.all(`${path}/events`, (context) => methodNotAllowed(context, 'GET, HEAD'));
  }
  return routes;
}

function methodNotAllowed(context: Context, allowed: string): Response {
  return json({ error: `${context.req.method} is not allowed here, expected ${allowed}` }, 405, {
    Allow: allowed,
  });
}

/** The query parameter `from`; 0 without one. @throws ServingError INVALID_REQUEST */
function firstNumber({ req }: HttpContext): number {
  const from = req.query('from') ?? '0';
  if (/^\d{1,15}$/.test(from)) return Number(from);
  throw new ServingError('INVALID_REQUEST', 'from: expected the number of a request');
}

/** The query parameter `limit`, in requests; the most without one. @throws ServingError INVALID_REQUEST */
function requestLimit({ req }: HttpContext): number {
  const text = req.query('limit') ?? String(MAX_KEPT_REQUESTS);
  const limit = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MAX_KEPT_REQUESTS) return limit;
  throw new ServingError(
    'INVALID_REQUEST',
    `limit: expected a number of requests from 1 to ${MAX_KEPT_REQUESTS}`,
  );
}

/**
 * Counts what is open at the same time, until it ends: each admission is ended by what it returns, once or several times.
 *
 * @throws ServingError OVERLOADED by an admission beyond the most.
 */
function bounded(most: number, what: string, onRefused: () => void = () => undefined): () => () => void {
  const open = new Set<symbol>();
  return () => {
    if (open.size >= most) {
      onRefused();
      throw new ServingError('OVERLOADED', `${most} ${what}`);
    }
    const admitted = Symbol();
    open.add(admitted);
    return () => {
      open.delete(admitted);
    };
  };
}

const NPZ_TYPE = { 'Content-Type': 'application/zip' } as const;

/** An `.npz` file of requests, encoded in pieces as the client reads, between other work. @param release - called at its end. */
function keptInputs(requests: readonly NumberedRequest[], release: () => void): Response {
  const pieces = npzOf(requests);
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await nextTurn();
      try {
        const { done, value } = pieces.next();
        if (!done) return controller.enqueue(value);
        controller.close();
        release();
      } catch (error) {
        release();
        throw error;
      }
    },
    cancel: release,
  });
  return new Response(body, { headers: NPZ_TYPE });
}

/** @throws ServingError INVALID_REQUEST, PAYLOAD_TOO_LARGE */
async function readPut(context: HttpContext, buffered: BufferedBytes): Promise<z.output<typeof PutBody>> {
  const bytes = await readBody(context, { maxBodyBytes: MAX_BODY_BYTES, buffered });
  const body = parsed(PutBody, bytes);
  if (body.mode === 'fixed' && body.threshold === undefined) {
    throw new ServingError('INVALID_REQUEST', "threshold: mode 'fixed' needs one, a number ≥ 0");
  }
  if (body.mode !== 'fixed' && body.threshold !== undefined) {
    throw new ServingError('INVALID_REQUEST', `threshold: only mode 'fixed' takes one, not '${body.mode}'`);
  }
  return body;
}

/** No body is an empty object. @throws ServingError INVALID_REQUEST, PAYLOAD_TOO_LARGE */
async function readBack(context: HttpContext, buffered: BufferedBytes): Promise<z.output<typeof BackBody>> {
  const bytes = await readBody(context, { maxBodyBytes: MAX_BODY_BYTES, buffered });
  return bytes.length === 0 ? {} : parsed(BackBody, bytes);
}

/** A JSON object with no other keys than the schema's. @throws ServingError INVALID_REQUEST */
function parsed<S extends z.ZodObject>(schema: S, bytes: Uint8Array): z.output<S> {
  const { root } = readJson(bytes);
  if (!(root instanceof Map)) throw new ServingError('INVALID_REQUEST', 'body: expected a JSON object');
  const body = root as JsonObject;
  for (const key of body.keys()) {
    if (!Object.hasOwn(schema.shape, key))
      throw new ServingError('INVALID_REQUEST', `body: unexpected key ${quoted(key)}`);
  }
  const result = schema.safeParse(Object.fromEntries(body));
  if (result.success) return result.data;
  const issues = result.error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`);
  throw new ServingError('INVALID_REQUEST', issues.join('; '));
}

/** Streams the present state, then every change. Comments in between keep proxies from closing the stream. */
function events(
  context: HttpContext,
  plane: PruningPlane,
  { model, version }: ModelPath,
  admit: () => () => void,
): Response | Promise<Response> {
  // The body of an answer to HEAD is never read, so its end could not be noticed.
  if (context.req.method === 'HEAD') {
    plane.report(model, version);
    return context.body(null, 200, { 'Content-Type': 'text/event-stream' });
  }
  const pending: unknown[] = [];
  let isOpen = true;
  let wake: () => void = () => undefined;
  let unfollow: Unfollow = () => undefined;
  const close = () => {
    isOpen = false;
    wake();
  };
  const next = (summary: unknown) => {
    if (pending.push(summary) > MAX_PENDING) disconnect();
    else wake();
  };
  // A write that waits for the client ends only with the connection.
  const disconnect = () => {
    unfollow();
    pending.length = 0;
    close();
    context.env?.incoming?.socket.destroy();
  };
  const release = admit();
  try {
    unfollow = plane.follow(model, { next, end: close }, version);
  } catch (error) {
    release();
    throw error;
  }
  return streamSSE(context, async (stream) => {
    let id = 0;
    stream.onAbort(() => {
      unfollow();
      close();
    });
    try {
      while (isOpen || pending.length > 0) {
        for (const summary of pending.splice(0)) {
          await stream.writeSSE({ id: String(id++), event: 'pruning', data: JSON.stringify(summary) });
        }
        let timer: NodeJS.Timeout | undefined;
        await new Promise<void>((resolve) => {
          wake = resolve;
          timer = setTimeout(resolve, HEARTBEAT_MS);
          if (pending.length > 0 || !isOpen) resolve();
        });
        clearTimeout(timer);
        if (isOpen && pending.length === 0) await stream.write(': alive\n\n');
      }
    } finally {
      unfollow();
      release();
    }
  });
}
