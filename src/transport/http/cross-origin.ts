import type { MiddlewareHandler } from 'hono';

const METHODS = 'GET, HEAD, POST, PUT';
const REQUEST_HEADERS = [
  'Content-Type',
  'Accept',
  'Authorization',
  'X-API-Key',
  'Inference-Header-Content-Length',
  'traceparent',
  'tracestate',
] as const;
const ANSWER_HEADERS = 'Inference-Header-Content-Length, Retry-After';
const PREFLIGHT_SECONDS = '600';

/**
 * Lets pages of listed origins read answers (CORS), and answers their preflights. Other pages get no CORS headers.
 *
 * It grants no other rights: tokens are required as always, and without a control token a page of another origin may change
 * nothing, listed or not. Browser credentials are never allowed.
 *
 * @param origins - as browsers send them, such as `https://app.example`.
 * @param ownHeaders - names of headers that the configuration has given a meaning.
 */
export function crossOrigin(
  origins: readonly string[],
  ownHeaders: readonly string[] = [],
): MiddlewareHandler {
  const listed = new Set(origins);
  const requestHeaders = [...REQUEST_HEADERS, ...ownHeaders].join(', ');
  return async (context, next) => {
    const origin = context.req.header('origin');
    const isListed = origin !== undefined && listed.has(origin);
    const isPreflight = context.req.header('access-control-request-method') !== undefined;
    if (isListed && isPreflight && context.req.method === 'OPTIONS') {
      return new Response(null, {
        status: 204,
        headers: {
          'Access-Control-Allow-Origin': origin,
          'Access-Control-Allow-Methods': METHODS,
          'Access-Control-Allow-Headers': requestHeaders,
          'Access-Control-Max-Age': PREFLIGHT_SECONDS,
          Vary: 'Origin',
        },
      });
    }
    await next();
    context.res.headers.append('Vary', 'Origin');
    if (!isListed) return;
    context.res.headers.set('Access-Control-Allow-Origin', origin);
    context.res.headers.set('Access-Control-Expose-Headers', ANSWER_HEADERS);
  };
}
