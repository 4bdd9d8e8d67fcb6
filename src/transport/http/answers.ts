import { ServingError } from '../../config/errors.ts';
import type { HttpContext } from './body.ts';
import type { HttpLimits } from './limits.ts';

const JSON_TYPE = { 'Content-Type': 'application/json' } as const;
const CHALLENGE = { 'WWW-Authenticate': 'Bearer realm="taustat"' } as const;

/** A JSON answer. */
export function json(
  content: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify(content), { status, headers: { ...JSON_TYPE, ...headers } });
}

/** An error response, for any writer. */
export interface ErrorParts {
  readonly status: number;
  readonly content: { readonly error: string };
  readonly headers: Readonly<Record<string, string>>;
}

/** The protocol's form of an error. Messages of unexpected errors are hidden, since they may hold anything. */
export function errorParts(error: unknown, retryAfterSeconds: number): ErrorParts {
  if (!(error instanceof ServingError))
    return { status: 500, content: { error: 'internal error' }, headers: {} };
  const { status, message } = error;
  return { status, content: { error: message }, headers: headersOf(status, retryAfterSeconds) };
}

function headersOf(status: number, retryAfterSeconds: number): Readonly<Record<string, string>> {
  if (status === 503) return { 'Retry-After': String(retryAfterSeconds) };
  if (status === 401) return CHALLENGE;
  return status === 413 ? { Connection: 'close' } : {};
}

export function errorAnswer(error: unknown, retryAfterSeconds: number): Response {
  const { status, content, headers } = errorParts(error, retryAfterSeconds);
  return json(content, status, headers);
}

export type Handler = (context: HttpContext) => Response | Promise<Response>;

/** Wraps a handler so that its errors are answered in the protocol's form in any application. */
export function catchingErrors(
  handler: Handler,
  limits: HttpLimits,
  report: (error: unknown) => void,
): Handler {
  function fail(error: unknown): Response {
    if (!(error instanceof ServingError) || error.status === 500) report(error);
    return errorAnswer(error, limits.retryAfterSeconds);
  }
  return (context) => {
    try {
      const answer = handler(context);
      return answer instanceof Promise ? answer.catch(fail) : answer;
    } catch (error) {
      return fail(error);
    }
  };
}

/** Answers 405 to any other method. GET includes HEAD. */
export function onlyMethod(method: 'GET' | 'POST', handler: Handler): Handler {
  const allowed = method === 'GET' ? 'GET, HEAD' : method;
  return (context) => {
    const asked = context.req.method;
    if (asked === method || (asked === 'HEAD' && method === 'GET')) return handler(context);
    return json({ error: `${asked} is not allowed here, expected ${allowed}` }, 405, { Allow: allowed });
  };
}

/** The answer to a path that nothing serves. */
export function pathNotFound(context: HttpContext): Response {
  return json({ error: `path '${context.req.path}' is not found` }, 404);
}
