import type { IncomingMessage, ServerResponse } from 'node:http';
import { mayUseData, type Tokens } from '../../plane/authorization.ts';
import type { InferencePlane } from '../../plane/inference.ts';
import { errorParts } from './answers.ts';
import { createInferExchange, type InferAnswer, type InferMessage } from './infer-exchange.ts';
import { DEFAULT_LIMITS, type HttpLimits } from './limits.ts';
import { hasSeveralHosts } from './request-target.ts';

/** Plain names and versions; whatever else there is in a path is for the application to read, or to refuse. */
const INFER_PATH = /^\/v2\/models\/([\w.-]+)(?:\/versions\/(0|[1-9]\d{0,17}))?\/infer$/;
/** Up to here a body is copied rather than written beside its head. */
const ONE_PIECE_BYTES = 4096;
const PLAIN_HOST = /^[\w.-]+(:\d+)?$/;

/**
 * Answers a request straight from the listener; false: it is the application's.
 *
 * @param onSent - told when the whole answer was handed to the socket, which may not have taken it yet.
 */
export type DirectAnswer = (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  onSent?: (outgoing: ServerResponse) => void,
) => boolean;

/**
 * Inference without a Request, a router and a Response in between, for the requests that are most of the traffic. The same
 * exchange answers them as in the application, which gets everything that is not plain.
 *
 * @param report - hears of errors that are the server's fault.
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
    // A page's: the application answers it with what its browser wants to read.
    if (allLimits.corsOrigins.length > 0 && incoming.headers.origin !== undefined) return false;
    const path = INFER_PATH.exec(incoming.url ?? '');
    if (path === null || path[1] === '.' || path[1] === '..') return false;
    if (hasSeveralHosts(incoming)) return false;
    const message = new ArrivedMessage(path[1]!, path[2], incoming, outgoing);
    if (!PLAIN_HOST.test(incoming.headers.host ?? '') || !mayUseData(message.header, tokens)) return false;
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
  // A text goes to the kernel in one piece with its head.
  if (body.byteLength <= ONE_PIECE_BYTES) outgoing.end(latin1(body), 'latin1');
  else outgoing.end(body);
  onSent?.(outgoing);
}

function latin1({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
}

/** A class for its accessor: see MessageContext. */
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

  /** Repeated headers were joined by Node. */
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
