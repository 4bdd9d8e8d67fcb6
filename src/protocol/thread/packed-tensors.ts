import type { Tensor, TensorElements } from '../types.ts';

/** The elements of a BYTES tensor, one after the other: a million small arrays take most of a second to cross threads. */
interface PackedStrings {
  readonly bytes: Uint8Array;
  readonly lengths: Uint32Array;
}

/** A tensor in the form in which it crosses threads. */
export type PackedTensor = Omit<Tensor, 'elements'> & {
  readonly elements: Exclude<TensorElements, readonly Uint8Array[]> | PackedStrings;
};

/** Elements of BYTES that are handled between two turns of the event loop. */
const SLICE = 16_384;

/** @param pause - called now and then, where the caller has something else to do as well. */
export async function packed(tensor: Tensor, pause?: () => Promise<void>): Promise<PackedTensor> {
  const { elements } = tensor;
  if (ArrayBuffer.isView(elements)) return { ...tensor, elements };
  const strings = elements as readonly Uint8Array[];
  const lengths = Uint32Array.from(strings, ({ byteLength }) => byteLength);
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const [i, string] of strings.entries()) {
    if (i % SLICE === SLICE - 1) await pause?.();
    bytes.set(string, at);
    at += string.byteLength;
  }
  return { ...tensor, elements: { bytes, lengths } };
}

export async function unpacked(tensor: PackedTensor, pause?: () => Promise<void>): Promise<Tensor> {
  const { elements } = tensor;
  if (ArrayBuffer.isView(elements)) return { ...tensor, elements };
  const { bytes, lengths } = elements;
  const strings: Uint8Array[] = [];
  let at = 0;
  for (const [i, length] of lengths.entries()) {
    if (i % SLICE === SLICE - 1) await pause?.();
    strings.push(bytes.subarray(at, at + length));
    at += length;
  }
  return { ...tensor, elements: strings };
}

/** Node's pools of small buffers are not larger, and may not move. */
const POOL_BYTES = 65_536;

/** The same bytes in memory that may move: a copy where they may lie in memory that others use, too. */
export function movable(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  const isOwn = buffer instanceof ArrayBuffer && buffer.byteLength > POOL_BYTES;
  return isOwn ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
}

/** The memory that a tensor is in, which can move instead of being copied. */
export function memoryOf({ elements }: PackedTensor): readonly ArrayBufferLike[] {
  return ArrayBuffer.isView(elements) ? [elements.buffer] : [elements.bytes.buffer, elements.lengths.buffer];
}
