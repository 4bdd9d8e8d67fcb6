import type { IncomingMessage, ServerResponse } from 'node:http';
import { mayUseDataPlane, type Tokens } from '../../plane/authorization.ts';
import type { InferencePlane } from '../../plane/inference.ts';
import { errorParts } from './answers.ts';
import { createInferExchange, type InferAnswer, type InferMessage } from './infer-exchange.ts';
import { DEFAULT_LIMITS, type HttpLimits } from './limits.ts';
import { hasSeveralHosts } from './request-target.ts';

/** Plain names and versions; the application handles all other paths. */
const INFER_PATH = /^\/v2\/models\/([\w.-]+)(?:\/versions\/(0|[1-9]\d{0,17}))?\/infer$/;
/** Up to this size a body is copied behind its head, to be written in one piece. */
const ONE_PIECE_BYTES = 4096;
const PLAIN_HOST = /^[\w.-]+(:\d+)?$/;

/**
 * Answers a request directly. @returns false if the application must answer it.
 *
 * @param onSent - called when the whole answer was handed to the socket, which may not have sent it yet.
 */
export type DirectAnswer = (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  onSent?: (outgoing: ServerResponse) => void,
) => boolean;

/**
 * Answers plain inference requests, most of the traffic, without Request, router and Response. It uses the application's
 * exchange, and leaves all other requests to the application.
 *
 * @param report - called with errors that are the server's fault.
 */
export function answerInferDirectly(
  plane: InferencePlane,
  limits: Partial<HttpLimits>,
  tokens: Tokens,
  report: (error: unknown) => void,
): DirectAnswer {
  const allLimits = { ...DEFAULT_LIMITS, ...limits };
  const exchange = createInferExchange(plane, allLimits);

  function failed(error: unknown): Parameters<typeof send>[1] {
    const { status, content, headers } = errorParts(error, allLimits.retryAfterSeconds);
    if (status === 500) report(error);
    const body = Buffer.from(JSON.stringify(content));
    return { status, headers: { 'Content-Type': 'application/json', ...headers }, body };
  }

  return (incoming, outgoing, onSent) => {
    if (incoming.method !== 'POST') return false;
    // Requests of web pages need CORS headers, which the application adds.
    if (allLimits.corsOrigins.length > 0 && incoming.headers.origin !== undefined) return false;
    const path = INFER_PATH.exec(incoming.url ?? '');
    if (path === null || path[1] === '.' || path[1] === '..') return false;
    if (allLimits.passThrough?.passes(path[1]!) === true) return false;
    if (hasSeveralHosts(incoming)) return false;
    const message = new ArrivedMessage(path[1]!, path[2], incoming, outgoing);
    if (!PLAIN_HOST.test(incoming.headers.host ?? '') || !mayUseDataPlane(message.header, tokens))
      return false;
    exchange(message).then(
      ({ headers, body }: InferAnswer) => send(outgoing, { status: 200, headers, body }, onSent),
      (error: unknown) => send(outgoing, failed(error), onSent),
    );
    return true;
  };
}

function send(
  outgoing: ServerResponse,
  { status, headers, body }: InferAnswer & { readonly status: number },
  onSent: ((outgoing: ServerResponse) => void) | undefined,
): void {
  if (outgoing.destroyed) return;
  const lines = ['Content-Length', String(body.byteLength)];
  for (const name in headers) lines.push(name, headers[name]!);
  outgoing.writeHead(status, lines);
  // As a string the body is written in one piece with its head.
  if (body.byteLength <= ONE_PIECE_BYTES) outgoing.end(latin1(body), 'latin1');
  else outgoing.end(body);
  onSent?.(outgoing);
}

function latin1({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
}

/** A class because of its accessor: see MessageContext. */
class ArrivedMessage implements InferMessage {
  readonly model: string;
  readonly version: string | undefined;
  readonly incoming: IncomingMessage;
  readonly #outgoing: ServerResponse;

  constructor(
    model: string,
    version: string | undefined,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
  ) {
    this.model = model;
    this.version = version;
    this.incoming = incoming;
    this.#outgoing = outgoing;
  }

  /** Node has joined repeated headers. */
  readonly header = (name: string): string | undefined => this.incoming.headers[name]?.toString();
  readonly stream = (): null => null;

  get signal(): AbortSignal {
    const gone = new AbortController();
    if (this.#outgoing.destroyed) gone.abort();
    else
      this.#outgoing.once('close', () => {
        if (!this.#outgoing.writableFinished) gone.abort();
      });
    return gone.signal;
  }
}
