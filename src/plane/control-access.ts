import { ServingError } from '../config/errors.ts';
import { type HeaderOf, hasToken } from './authorization.ts';

/** The sender of a request that changes the server. */
export interface Caller {
  readonly header: HeaderOf;
  /** Names of all headers, in lower case. */
  readonly headerNames: readonly string[];
  /** The requested host and port; undefined if the request names none. */
  readonly host: string | undefined;
  /** Address of the peer; empty if its socket is gone, undefined for a call from within the process. */
  readonly remoteAddress: string | undefined;
}

const LOOPBACK_ADDRESS = /^(::1|(::ffff:)?127\.\d+\.\d+\.\d+)$/;
/** A host that names this machine, with any port. */
const LOOPBACK_HOST = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i;
/** These headers, and any `X-Forwarded-…`, show that a proxy has forwarded the request. */
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

/**
 * Allows changes only to callers with the control token. Without a control token, only to callers on this machine: the
 * socket is a loopback one, no proxy has forwarded the request, and no page of another site has sent it, not even under a
 * name that resolves to this machine (DNS rebinding). The same for HTTP and gRPC.
 *
 * @throws ServingError UNAUTHORIZED, FORBIDDEN
 */
export function checkControl(caller: Caller, token: string | undefined): void {
  if (token !== undefined) {
    if (hasToken(caller.header, token)) return;
    throw new ServingError('UNAUTHORIZED', 'changes need the control token, as a bearer token or an API key');
  }
  const reason = whyNotLocal(caller);
  if (reason === undefined) return;
  throw new ServingError(
    'FORBIDDEN',
    `without a control token, changes are accepted only from this machine: ${reason}`,
  );
}

/** Why a request is not from this machine; undefined if it is. */
function whyNotLocal({ header, headerNames, host, remoteAddress }: Caller): string | undefined {
  if (remoteAddress !== undefined && !LOOPBACK_ADDRESS.test(remoteAddress))
    return 'the client is on another machine';
  if (headerNames.some(isProxyHeader)) return 'a proxy has forwarded the request';
  if (host !== undefined && !LOOPBACK_HOST.test(host)) return 'the Host header is not a name of this machine';
  const origin = header('origin');
  const isForeignPage = origin !== undefined && origin !== `http://${host}`;
  const site = header('sec-fetch-site');
  const isForeignSite = site !== undefined && site !== 'same-origin' && site !== 'none';
  return isForeignPage || isForeignSite ? 'a page of another site has sent it' : undefined;
}

function isProxyHeader(header: string): boolean {
  return FORWARDED.has(header) || header.startsWith(FORWARDED_PREFIX);
}
