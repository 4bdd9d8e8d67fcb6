import type { MiddlewareHandler } from 'hono';
import { ServingError } from '../../config/errors.ts';
import { carries, type HeaderOf, mayUseData, type Tokens } from '../../plane/authorization.ts';
import { errorAnswer } from './answers.ts';
import type { HttpContext } from './body.ts';

const LOOPBACK_ADDRESS = /^(::1|(::ffff:)?127\.\d+\.\d+\.\d+)$/;
/** What a `Host` header says of a server that was asked for by a name of this machine, whatever the port. */
const LOOPBACK_HOST = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i;
/** Any of these, and any `X-Forwarded-…`, says that somebody else than the peer of the socket has asked. */
const FORWARDED: ReadonlySet<string> = new Set([
  'forwarded',
  'via',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-original-forwarded-for',
  'x-original-host',
  'x-original-url',
  'x-rewrite-url',
  'x-envoy-external-address',
  'x-azure-clientip',
  'x-appengine-user-ip',
  'cf-connecting-ip',
  'cf-connecting-ipv6',
  'cf-pseudo-ipv4',
  'cf-ray',
  'cdn-loop',
  'true-client-ip',
  'fastly-client-ip',
  'fly-client-ip',
  'do-connecting-ip',
  'proxy-client-ip',
  'wl-proxy-client-ip',
]);
const FORWARDED_PREFIX = 'x-forwarded';

/** Lets pass what carries a token; without a data token, everything. */
export function requireToken(tokens: Tokens): MiddlewareHandler {
  return async (context, next) => {
    if (mayUseData(headerOf(context), tokens)) return next();
    const error = new ServingError('UNAUTHORIZED', 'a bearer token or an API key is needed');
    return errorAnswer(error, 0);
  };
}

/**
 * Lets change the server who carries the control token. Without one, whoever sits at this machine: the socket comes from
 * loopback, nobody has forwarded the request, and it was not a page of another site that sent it, be it under a name that
 * resolves to this machine (DNS rebinding).
 *
 * @throws ServingError UNAUTHORIZED, FORBIDDEN
 */
export function checkControl(context: HttpContext, token: string | undefined): void {
  if (token !== undefined) {
    if (carries(headerOf(context), token)) return;
    throw new ServingError('UNAUTHORIZED', 'changes need the control token, as a bearer token or an API key');
  }
  const why = foreign(context);
  if (why === undefined) return;
  throw new ServingError(
    'FORBIDDEN',
    `without a control token, changes are accepted only from this machine: ${why}`,
  );
}

/** Why a request is not from somebody at this machine; undefined when it is. */
function foreign(context: HttpContext): string | undefined {
  const incoming = context.env?.incoming;
  // A call from within the process has no socket; a socket that is gone has no address, and its client no claim.
  if (incoming !== undefined && !LOOPBACK_ADDRESS.test(incoming.socket.remoteAddress ?? ''))
    return 'the client is on another machine';
  const header = headerOf(context);
  if (Object.keys(context.req.header()).some(isOfProxy)) return 'a proxy has forwarded the request';
  const host = header('host');
  if (host !== undefined && !LOOPBACK_HOST.test(host)) return 'the Host header is not a name of this machine';
  const origin = header('origin');
  const isForeignPage = origin !== undefined && origin !== `http://${host}`;
  const site = header('sec-fetch-site');
  const isForeignSite = site !== undefined && site !== 'same-origin' && site !== 'none';
  return isForeignPage || isForeignSite ? 'a page of another site has sent it' : undefined;
}

function isOfProxy(header: string): boolean {
  return FORWARDED.has(header) || header.startsWith(FORWARDED_PREFIX);
}

function headerOf(context: HttpContext): HeaderOf {
  return (name) => context.req.header(name);
}
