import type { MiddlewareHandler } from 'hono';
import { ServingError } from '../../config/errors.ts';
import { type HeaderOf, mayUseData, type Tokens } from '../../plane/authorization.ts';
import { checkControl } from '../../plane/control-access.ts';
import { errorAnswer } from './answers.ts';
import type { HttpContext } from './body.ts';

/** Lets pass what carries a token; without a data token, everything. */
export function requireToken(tokens: Tokens): MiddlewareHandler {
  return async (context, next) => {
    if (mayUseData(headerOf(context), tokens)) return next();
    const error = new ServingError('UNAUTHORIZED', 'a bearer token or an API key is needed');
    return errorAnswer(error, 0);
  };
}

/** Whether a request may change the server: see `checkControl` of the plane. @throws ServingError UNAUTHORIZED, FORBIDDEN */
export function requireControl(context: HttpContext, token: string | undefined): void {
  const header = headerOf(context);
  const incoming = context.env?.incoming;
  checkControl(
    {
      header,
      headerNames: Object.keys(context.req.header()),
      host: header('host'),
      // A call from within the process has no socket; a socket that is gone has no address, and its client no claim.
      remoteAddress: incoming === undefined ? undefined : (incoming.socket.remoteAddress ?? ''),
    },
    token,
  );
}

function headerOf(context: HttpContext): HeaderOf {
  return (name) => context.req.header(name);
}
