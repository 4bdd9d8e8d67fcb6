/** Checks of a request's target before routing: a client, a proxy and this server must read it alike. */
import type { IncomingMessage } from 'node:http';
import type { MiddlewareHandler } from 'hono';
import { ServingError } from '../../config/errors.ts';
import { errorAnswer } from './answers.ts';
import type { NodeBindings } from './body.ts';

/** The absolute form of a target, which clients send to proxies. */
const ABSOLUTE_FORM = /^https?:\/\/([^/\\?#]*)(.*)$/i;
/**
 * Paths that a URL parser would change: empty and dot segments, also encoded, backslashes, and control characters.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are refused.
const UNSAFE_PATH = /\/\/|\/(?:\.|%2e){1,2}(?:\/|$)|[\\\x00-\x20\x7f]/i;
const LONGEST_SHOWN = 200;

/** Middleware that refuses what `targetProblem` finds, also where the application is mounted in another. */
export const requirePlainTarget: MiddlewareHandler<{ Bindings: NodeBindings }> = async (context, next) => {
  const incoming = context.env?.incoming;
  const problem = incoming === undefined ? pathProblem(pathOf(context.req.url)) : targetProblem(incoming);
  return problem === undefined ? next() : errorAnswer(problem, 0);
};

/**
 * Why a message is not routed.
 *
 * @returns NOT_FOUND for a path with dot segments, empty segments, backslashes or control characters; INVALID_REQUEST for
 *   two Host headers, and for a target that names another host than the header.
 */
export function targetProblem(incoming: IncomingMessage): ServingError | undefined {
  if (hasSeveralHosts(incoming)) return invalid('the Host header occurs more than once');
  const { url = '', headers } = incoming;
  const absolute = ABSOLUTE_FORM.exec(url);
  if (absolute === null) return pathProblem(url);
  const [, authority, rest] = absolute;
  if (authority!.toLowerCase() !== headers.host?.toLowerCase())
    return invalid('the target names another host than the Host header');
  return pathProblem(rest!);
}

/** Whether there are several Host headers: Node reads the first, a proxy may have read another. */
export function hasSeveralHosts({ rawHeaders }: IncomingMessage): boolean {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === 4 && name.toLowerCase() === 'host') count++;
  }
  return count > 1;
}

/** The path of an absolute URL, not decoded. */
function pathOf(url: string): string {
  return ABSOLUTE_FORM.exec(url)?.[2] ?? url;
}

function pathProblem(target: string): ServingError | undefined {
  const path = target.split(/[?#]/, 1)[0]!;
  if (!UNSAFE_PATH.test(path)) return undefined;
  return new ServingError('NOT_FOUND', `path '${path.slice(0, LONGEST_SHOWN)}' is not found`);
}

function invalid(what: string): ServingError {
  return new ServingError('INVALID_REQUEST', `malformed request: ${what}`);
}
