import type { MiddlewareHandler } from 'hono';
import { ServingError } from '../../config/errors.ts';
import { type HeaderOf, mayUseDataPlane, type Tokens } from '../../plane/authorization.ts';
import { checkControl } from '../../plane/control-access.ts';
import { errorAnswer } from './answers.ts';
import type { HttpContext } from './body.ts';

/** Refuses requests without a valid token; if there is no data token, none. */
export function requireToken(tokens: Tokens): MiddlewareHandler {
  return async (context, next) => {
    if (mayUseDataPlane(headerOf(context), tokens)) return next();
    const error = new ServingError('UNAUTHORIZED', 'a bearer token or an API key is needed');
    return errorAnswer(error, 0);
  };
}

/** Checks whether a request may change the server: see `checkControl`. @throws ServingError UNAUTHORIZED, FORBIDDEN */
export function requireControl(context: HttpContext, token: string | undefined): void {
  const header = headerOf(context);
  const incoming = context.env?.incoming;
  checkControl(
    {
      header,
      headerNames: Object.keys(context.req.header()),
      host: header('host'),
      // Without a socket it is a call from within the process. A closed socket has no address: its client is refused.
      remoteAddress: incoming === undefined ? undefined : (incoming.socket.remoteAddress ?? ''),
    },
    token,
  );
}

function headerOf(context: HttpContext): HeaderOf {
  return (name) => context.req.header(name);
}
