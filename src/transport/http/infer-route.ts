import type { IncomingMessage } from 'node:http';
import type { InferencePlane } from '../../plane/inference.ts';
import type { Handler } from './answers.ts';
import type { HttpContext } from './body.ts';
import { createInferExchange, type InferMessage } from './infer-exchange.ts';
import type { HttpLimits } from './limits.ts';
import { modelPath } from './model-path.ts';

/** The handler of `POST …/infer` in the application. */
export function createInferHandler(plane: InferencePlane, limits: HttpLimits): Handler {
  const exchange = createInferExchange(plane, limits);
  return async (context) => {
    const { headers, body } = await exchange(new RoutedMessage(context));
    return new Response(body, { headers });
  };
}

/** A class because of its accessor: see MessageContext. */
class RoutedMessage implements InferMessage {
  readonly model: string;
  readonly version: string | undefined;
  readonly incoming: IncomingMessage | undefined;
  readonly #context: HttpContext;

  constructor(context: HttpContext) {
    const { model, version } = modelPath(context);
    this.model = model;
    this.version = version;
    this.incoming = context.env?.incoming;
    this.#context = context;
  }

  readonly header = (name: string): string | undefined => this.#context.req.header(name);
  readonly stream = (): ReadableStream<Uint8Array> | null => this.#context.req.raw.body;

  get signal(): AbortSignal {
    return this.#context.req.raw.signal;
  }
}
