import { type Dispatcher, Pool } from 'undici';
import { z } from 'zod';
import { messageOf } from '../../config/errors.ts';
import { decodeBinary } from '../../protocol/binary/binary-codec.ts';
import { isDatatype } from '../../protocol/datatypes.ts';
import { decodeInferResponse } from '../../protocol/decode-response.ts';
import type { EncodedBody } from '../../protocol/encode-body.ts';
import { encodeInferRequest } from '../../protocol/encode-request.ts';
import { checkedCount, shapeOf } from '../../protocol/shape.ts';
import type { Datatype, InferRequest, ModelMetadata, Tensor } from '../../protocol/types.ts';
import { isFiniteTensor } from '../finite-tensor.ts';
import type { UpstreamAddress } from './address.ts';
import {
  abortFault,
  type FaultKind,
  type Headers,
  isAnswer,
  malformed,
  type UpstreamClient,
  UpstreamFault,
  type UpstreamRequest,
} from './client.ts';

const HEADER_LENGTH = 'inference-header-content-length';
const CONNECT_MS = 2000;

const Specs = z.array(
  z.object({
    name: z.string(),
    datatype: z.string().refine((name): name is Datatype => isDatatype(name)),
    shape: z.array(z.coerce.number().int()),
  }),
);
const Metadata = z.object({
  name: z.string(),
  versions: z.array(z.coerce.string()).nullish(),
  platform: z.string().nullish(),
  inputs: Specs,
  optional_inputs: Specs.nullish(),
  outputs: Specs,
});
const Configuration = z.object({
  parameters: z.record(z.string(), z.object({ string_value: z.string().optional() })).nullish(),
});
const Server = z.object({ extensions: z.array(z.string()).nullish() });

/** The v2 protocol over REST, on connections that are kept. */
export class HttpClient implements UpstreamClient {
  readonly #pool: Pool;
  readonly #headers: Headers;
  /** Whether the server takes the binary extension; undefined: not asked yet. */
  #isBinary: Promise<boolean> | undefined;

  /** @param headers - sent with every request that brings none of the same name. */
  constructor({ authority, isSecure }: UpstreamAddress, headers: Headers) {
    this.#headers = headers;
    this.#pool = new Pool(`${isSecure ? 'https' : 'http'}://${authority}`, {
      connect: { timeout: CONNECT_MS },
      // The signal of a request ends it.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  async infer({
    model,
    inputs,
    outputs,
    parameters = {},
    headers,
    signal,
  }: UpstreamRequest): Promise<readonly Tensor[]> {
    this.#isBinary ??= this.#takesBinary(signal);
    const isBinary = await this.#isBinary.catch((error: unknown) => {
      this.#isBinary = undefined;
      throw error;
    });
    const odd = isBinary ? undefined : inputs.find((input) => !isFiniteTensor(input));
    if (odd !== undefined)
      throw new UpstreamFault(
        'invalid',
        `input '${odd.name}' holds NaN or infinity, which JSON has no word for, and the upstream server takes no binary tensors`,
      );
    const asked = outputs.map((name) => ({
      name,
      parameters: isBinary ? { binary_data: true } : {},
    }));
    const { body, headerLength } = encoded({ parameters, inputs, outputs: asked }, isBinary);
    const answer = await this.#ask('POST', `${pathOf(model)}/infer`, {
      signal,
      body,
      headers: {
        ...headers,
        ...(headerLength === undefined
          ? { 'content-type': 'application/json' }
          : { 'content-type': 'application/octet-stream', [HEADER_LENGTH]: String(headerLength) }),
      },
    });
    const length = answer.headers[HEADER_LENGTH];
    try {
      const headerLength = length === undefined ? undefined : Number(length);
      return (
        (headerLength === undefined ? undefined : binaryOutputs(answer.body, headerLength)) ??
        decodeInferResponse(answer.body, headerLength).outputs
      );
    } catch (error) {
      throw malformed(error);
    }
  }

  async isReady(model: string, signal: AbortSignal): Promise<boolean> {
    try {
      const { body } = await this.#ask('GET', `${pathOf(model)}/ready`, { signal });
      return !/"ready"\s*:\s*false/.test(Buffer.from(body).toString('latin1'));
    } catch (error) {
      if (error instanceof UpstreamFault && isAnswer(error.kind)) return false;
      throw error;
    }
  }

  async metadata(model: string, signal: AbortSignal): Promise<ModelMetadata> {
    const {
      optional_inputs: optional,
      versions,
      platform,
      ...told
    } = await this.#read(Metadata, pathOf(model), signal);
    return {
      ...told,
      versions: versions ?? [],
      platform: platform ?? '',
      ...(optional == null || optional.length === 0 ? {} : { optionalInputs: optional }),
    };
  }

  async parameters(model: string, signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    try {
      const { parameters } = await this.#read(Configuration, `${pathOf(model)}/config`, signal);
      return Object.fromEntries(
        Object.entries(parameters ?? {}).flatMap(([key, { string_value: text }]) =>
          text === undefined ? [] : [[key, text] as const],
        ),
      );
    } catch (error) {
      // An extension of Triton's: others do not have it.
      if (error instanceof UpstreamFault && isAnswer(error.kind)) return {};
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }

  async #takesBinary(signal: AbortSignal): Promise<boolean> {
    const { extensions } = await this.#read(Server, '/v2', signal);
    return extensions?.includes('binary_tensor_data') === true;
  }

  async #read<T>(schema: z.ZodType<T>, path: string, signal: AbortSignal): Promise<T> {
    const { body } = await this.#ask('GET', path, { signal });
    try {
      return schema.parse(JSON.parse(Buffer.from(body).toString()));
    } catch (error) {
      const why =
        error instanceof z.ZodError ? z.prettifyError(error).replace(/\s+/g, ' ') : messageOf(error);
      throw new UpstreamFault('failed', `upstream: GET ${path}: ${why}`);
    }
  }

  async #ask(
    method: 'GET' | 'POST',
    path: string,
    { signal, body, headers }: { signal: AbortSignal; body?: Uint8Array; headers?: Headers },
  ): Promise<Exchanged> {
    try {
      const answer = await exchanged(
        this.#pool,
        { method, path, headers: { ...this.#headers, ...headers }, body: body ?? null },
        signal,
      );
      if (answer.status === 200) return answer;
      throw new UpstreamFault(kindOf(answer.status, answer.body), reasonIn(answer.body, answer.status));
    } catch (error) {
      throw error instanceof UpstreamFault ? error : faultOf(error, signal);
    }
  }
}

/**
 * The tensors of an answer whose JSON holds none of their elements; undefined where it does. Node's own JSON reader takes a
 * quarter of the time of the exact one, which such a head does not need.
 *
 * @throws ServingError, SyntaxError, TypeError for what is no such answer.
 */
function binaryOutputs(body: Uint8Array, headerLength: number): Tensor[] | undefined {
  const { buffer, byteOffset, byteLength } = body;
  const head = Buffer.from(buffer, byteOffset, Math.min(headerLength, byteLength)).toString();
  const { outputs } = JSON.parse(head) as { readonly outputs: readonly BinaryOutput[] };
  let at = headerLength;
  const tensors: Tensor[] = [];
  for (const { name, datatype, shape: sizes, parameters } of outputs) {
    const size = parameters?.binary_data_size;
    if (size === undefined) return undefined;
    if (typeof name !== 'string' || !isDatatype(datatype))
      throw new TypeError('an output has no name or datatype');
    const label = `output '${name}'`;
    const shape = shapeOf(sizes, label);
    const count = checkedCount(label, datatype, shape);
    const bytes = body.subarray(at, at + size);
    tensors.push({ name, datatype, shape, elements: decodeBinary(label, datatype, count, bytes) });
    at += size;
  }
  if (at !== byteLength)
    throw new TypeError(`${byteLength - headerLength} bytes of tensors, not ${at - headerLength}`);
  return tensors;
}

interface BinaryOutput {
  readonly name: unknown;
  readonly datatype: string;
  readonly shape: unknown;
  readonly parameters?: { readonly binary_data_size?: number };
}

interface Exchanged {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly body: Uint8Array;
}

/** One request and its whole answer, without the stream that `request` makes of it. */
function exchanged(pool: Pool, options: Dispatcher.DispatchOptions, signal: AbortSignal): Promise<Exchanged> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let status = 0;
    let headers: Exchanged['headers'] = {};
    let controller: Dispatcher.DispatchController | undefined;
    const abort = () => controller?.abort(ABORTED);
    pool.dispatch(options, {
      onRequestStart: (begun) => {
        controller = begun;
        if (signal.aborted) abort();
        else signal.addEventListener('abort', abort, { once: true });
      },
      onResponseStart: (_, code, told) => {
        status = code;
        headers = told as Exchanged['headers'];
      },
      onResponseData: (_, piece) => {
        pieces.push(piece);
      },
      onResponseEnd: () => {
        signal.removeEventListener('abort', abort);
        const body = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
        resolve({ status, headers, body: new Uint8Array(body.buffer, body.byteOffset, body.byteLength) });
      },
      onResponseError: (_, error) => {
        signal.removeEventListener('abort', abort);
        reject(error);
      },
    });
  });
}

/** Why the signal was aborted is read from the signal. */
const ABORTED = new Error('aborted');

/** @throws UpstreamFault of kind `invalid` for a request that the protocol cannot carry. */
function encoded(request: InferRequest, isBinary: boolean): EncodedBody {
  try {
    return encodeInferRequest(request, isBinary);
  } catch (error) {
    throw new UpstreamFault('invalid', messageOf(error));
  }
}

function pathOf(model: string): string {
  return `/v2/models/${encodeURIComponent(model)}`;
}

function kindOf(status: number, body: Uint8Array): FaultKind {
  switch (status) {
    case 401:
      return 'unauthorized';
    case 403:
      return 'forbidden';
    case 404:
      return 'unknown';
    case 413:
      return 'too-large';
    case 408:
    case 504:
      return 'late';
    case 429:
    case 502:
    case 503:
      return 'busy';
    default:
      // Triton says so with 400.
      if (status === 400 && /unknown model/i.test(Buffer.from(body).toString('latin1'))) return 'unknown';
      return status >= 400 && status < 500 ? 'invalid' : 'failed';
  }
}

const LONGEST_REASON = 1000;

function reasonIn(body: Uint8Array, status: number): string {
  const text = Buffer.from(body).toString();
  try {
    const { error } = JSON.parse(text) as { readonly error?: unknown };
    if (typeof error === 'string') return error.slice(0, LONGEST_REASON);
  } catch {
    // No JSON: the text itself.
  }
  return `upstream answered ${status}${text === '' ? '' : `: ${text.slice(0, LONGEST_REASON)}`}`;
}

/** Codes of errors before a request was sent. */
const UNSENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

function faultOf(error: unknown, signal: AbortSignal): UpstreamFault {
  if (signal.aborted) return abortFault(signal);
  const { code = '' } = error as { readonly code?: string };
  // Such as a header that no message can hold.
  if (code === 'UND_ERR_INVALID_ARG') return new UpstreamFault('invalid', messageOf(error));
  const kind = UNSENT.has(code) ? 'unreached' : 'lost';
  return new UpstreamFault(kind, `upstream: ${messageOf(error) || code}`, { cause: error });
}
