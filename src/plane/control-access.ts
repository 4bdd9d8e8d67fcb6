import { ServingError } from '../config/errors.ts';
import { carries, type HeaderOf } from './authorization.ts';

/** Who asks for a change of the server, as a transport sees it. */
export interface Caller {
  readonly header: HeaderOf;
  /** Names of all headers, in lower case. */
  readonly headerNames: readonly string[];
  /** The name and port that the server was asked for; undefined: by none. */
  readonly host: string | undefined;
  /** Address of the peer; empty where it is gone, undefined for a call from within the process. */
  readonly remoteAddress: string | undefined;
}

const LOOPBACK_ADDRESS = /^(::1|(::ffff:)?127\.\d+\.\d+\.\d+)$/;
/** The host of a server that was asked for by a name of this machine, whatever the port. */
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

/**
 * Lets change the server who carries the control token. Without one, whoever sits at this machine: the socket comes from
 * loopback, nobody has forwarded the request, and it was not a page of another site that sent it, be it under a name that
 * resolves to this machine (DNS rebinding). The same for HTTP and gRPC.
 *
 * @throws ServingError UNAUTHORIZED, FORBIDDEN
 */
export function checkControl(caller: Caller, token: string | undefined): void {
  if (token !== undefined) {
    if (carries(caller.header, token)) return;
    throw new ServingError('UNAUTHORIZED', 'changes need the control token, as a bearer token or an API key');
  }
  const why = foreign(caller);
  if (why === undefined) return;
  throw new ServingError(
    'FORBIDDEN',
    `without a control token, changes are accepted only from this machine: ${why}`,
  );
}

/** Why a request is not from somebody at this machine; undefined when it is. */
function foreign({ header, headerNames, host, remoteAddress }: Caller): string | undefined {
  if (remoteAddress !== undefined && !LOOPBACK_ADDRESS.test(remoteAddress))
    return 'the client is on another machine';
  if (headerNames.some(isOfProxy)) return 'a proxy has forwarded the request';
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
