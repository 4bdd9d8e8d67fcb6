import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DecodeLimits } from '../decode-request.ts';
import type { EncodedBody } from '../encode-body.ts';
import { askedOutputs } from '../encode-response.ts';
import type { NonFinitePolicy } from '../json/json-writer.ts';
import type { InferRequest, InferResponse, ModelMetadata, Tensor } from '../types.ts';
import { CodecPool } from './codec-pool.ts';
import { memoryOf, movable, packed, unpacked } from './packed-tensors.ts';

const pause = async (): Promise<void> => nextTurn();

export interface Decoded {
  readonly request: InferRequest;
  /** The same body again: its memory has been away. The request may share it. */
  readonly body: Uint8Array;
}

/** `decodeInferRequest` and `encodeInferResponse` in a thread of their own, for what is large; same results, same errors. */
export class ThreadedCodec {
  readonly #pool: CodecPool;

  constructor(pool = new CodecPool()) {
    this.#pool = pool;
  }

  /**
   * @param body - its memory moves away, and comes back with the result.
   * @throws ServingError as `decodeInferRequest` does, and OVERLOADED when too much waits already.
   */
  async decode(
    body: Uint8Array,
    headerLength: number | undefined,
    model: ModelMetadata,
    limits: DecodeLimits,
    signal?: AbortSignal,
  ): Promise<Decoded> {
    const { maxBatch } = limits;
    const own = movable(body);
    const job = { kind: 'decode', body: own, headerLength, model, limits: { maxBatch } } as const;
    const answer = await this.#pool.run(job, own.byteLength, [own.buffer], signal);
    if (answer.kind !== 'decoded') throw new Error(`asked to decode, ${answer.kind}`);
    const inputs: Tensor[] = [];
    for (const input of answer.request.inputs) inputs.push(await unpacked(input, pause));
    return { request: { ...answer.request, inputs }, body: answer.body };
  }

  /** @throws ServingError as `encodeInferResponse` does, and OVERLOADED when too much waits already. */
  async encode(
    response: InferResponse,
    { parameters, outputs: asked }: Pick<InferRequest, 'parameters' | 'outputs'>,
    nonFinite: NonFinitePolicy,
  ): Promise<EncodedBody> {
    const outputs = [];
    // Others may still read the outputs: copies go.
    for (const output of new Set(askedOutputs(response, { ...(asked && { outputs: asked }) })))
      outputs.push(await packed(copied(output), pause));
    const request = { parameters, ...(asked && { outputs: asked }) };
    const memory = outputs.flatMap(memoryOf);
    const bytes = memory.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const job = { kind: 'encode', response: { ...response, outputs }, request, nonFinite } as const;
    const answer = await this.#pool.run(job, bytes, unshared(memory));
    if (answer.kind !== 'encoded') throw new Error(`asked to encode, ${answer.kind}`);
    const { body, headerLength } = answer;
    return headerLength === undefined ? { body } : { body, headerLength };
  }
}

function copied(tensor: Tensor): Tensor {
  const { elements } = tensor;
  return ArrayBuffer.isView(elements) ? { ...tensor, elements: elements.slice() } : tensor;
}

/** Shared memory does not move, and need not. */
function unshared(memory: readonly ArrayBufferLike[]): ArrayBuffer[] {
  return [...new Set(memory)].filter((buffer) => buffer instanceof ArrayBuffer);
}
