import { binarySize, writeBinary } from './binary/binary-codec.ts';
import type { EncodedBody } from './encode-body.ts';
import { askedOutputs, encodeInferResponse } from './encode-response.ts';
import type { NonFinitePolicy } from './json/json-writer.ts';
import type { InferRequest, InferResponse, Tensor } from './types.ts';

/** Longest header that is kept. */
const MAX_KEPT_BYTES = 4096;

type Asked = Pick<InferRequest, 'parameters' | 'outputs'>;

/** A response without its elements, and the JSON that says it. */
interface Kept extends Omit<InferResponse, 'outputs'> {
  readonly askedParameters: Asked['parameters'];
  readonly askedOutputs: Asked['outputs'] | undefined;
  readonly outputs: readonly (Omit<Tensor, 'elements'> & { readonly sizeBytes: number })[];
  readonly header: Uint8Array;
}

/**
 * Encodes responses as `encodeInferResponse` does, and faster when one says, but for its elements, what the one before
 * said: then the JSON in front of the binary data is the same. Whatever goes into that JSON is compared.
 */
export class ResponseEncoder {
  readonly #nonFinite: NonFinitePolicy;
  #kept: Kept | undefined;

  constructor(nonFinite: NonFinitePolicy = 'bare') {
    this.#nonFinite = nonFinite;
  }

  /** @throws ServingError as `encodeInferResponse` does. */
  encode(response: InferResponse, asked: Asked): EncodedBody {
    const kept = this.#kept;
    if (kept !== undefined && isRepeated(kept, response, asked)) {
      return withElements(kept, askedOutputs(response, asked));
    }
    const encoded = encodeInferResponse(response, asked, this.#nonFinite);
    this.#kept = keep(encoded, response, asked) ?? kept;
    return encoded;
  }
}

/** A repeated request has the same parameters and outputs, not only equal ones: see `RequestDecoder`. */
function isRepeated(kept: Kept, response: InferResponse, { parameters, outputs }: Asked): boolean {
  if (kept.askedParameters !== parameters || kept.askedOutputs !== outputs) return false;
  if (kept.modelName !== response.modelName || kept.modelVersion !== response.modelVersion) return false;
  if (kept.id !== response.id || !hasSameValues(kept.parameters, response.parameters)) return false;
  return (
    kept.outputs.length === response.outputs.length &&
    kept.outputs.every((output, i) => isLike(output, response.outputs[i]!))
  );
}

function hasSameValues(a: Asked['parameters'], b: Asked['parameters']): boolean {
  let more = 0;
  for (const name in a) {
    if (a[name] !== b[name]) return false;
    more++;
  }
  for (const _ in b) more--;
  return more === 0;
}

function isLike(kept: Kept['outputs'][number], output: Tensor): boolean {
  const { name, datatype, shape } = output;
  if (kept.name !== name || kept.datatype !== datatype || kept.shape.length !== shape.length) return false;
  for (let i = 0; i < shape.length; i++) if (kept.shape[i] !== shape[i]) return false;
  return kept.sizeBytes === binarySize(output);
}

/** Only where all elements are in the binary data the JSON says the same about others; an empty output is as empty in either. */
function keep({ body, headerLength }: EncodedBody, response: InferResponse, asked: Asked): Kept | undefined {
  if (headerLength === undefined || headerLength > MAX_KEPT_BYTES) return undefined;
  const outputs = response.outputs.map((output) => {
    const { name, datatype, shape } = output;
    return { name, datatype, shape, sizeBytes: binarySize(output) };
  });
  const inBody = askedOutputs(response, asked).reduce((sum, output) => sum + binarySize(output), 0);
  if (inBody !== body.byteLength - headerLength) return undefined;
  const header = new Uint8Array(body.subarray(0, headerLength));
  return { ...response, askedParameters: asked.parameters, askedOutputs: asked.outputs, outputs, header };
}

function withElements({ header }: Kept, outputs: readonly Tensor[]): EncodedBody {
  let size = header.byteLength;
  for (const output of outputs) size += binarySize(output);
  const body = Buffer.allocUnsafe(size);
  body.set(header);
  let at = header.byteLength;
  for (const output of outputs) at = writeBinary(output, body, at);
  return { body, headerLength: header.byteLength };
}
