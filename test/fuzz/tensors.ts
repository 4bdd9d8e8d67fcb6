import { elementBytes, viewElements } from '../../src/protocol/datatypes.ts';
import { countElements } from '../../src/protocol/shape.ts';
import type { Tensor, TensorElements, TensorSpec } from '../../src/protocol/types.ts';
import type { Dice } from './dice.ts';

const WORDS = ['', 'a', 'naïve', '日本', '🙂', '"\\\n\t', 'NaN', '\ufeff'] as const;
const MAX_SIZE = 4;

/** A tensor that a spec accepts: any size of a variable dimension, any bits of an element. */
export function randomTensor(spec: TensorSpec, sizes: ReadonlyMap<string, number>, dice: Dice): Tensor {
  const shape = spec.shape.map((size, axis) =>
    size >= 0 ? size : (sizes.get(spec.dimensionNames?.[axis] ?? '') ?? dice.below(MAX_SIZE)),
  );
  const { name, datatype } = spec;
  return { name, datatype, shape, elements: randomElements(spec, countElements(shape), dice) };
}

function randomElements({ datatype }: TensorSpec, count: number, dice: Dice): TensorElements {
  if (datatype === 'BYTES')
    return Array.from({ length: count }, () => Uint8Array.from(Buffer.from(dice.pick(WORDS))));
  if (datatype === 'BOOL') return Uint8Array.from({ length: count }, () => dice.below(2));
  const bytes = dice.bytes(count * elementBytes(datatype));
  const elements = viewElements(datatype, bytes.buffer, 0, count);
  if (elements instanceof Float32Array || elements instanceof Float64Array) {
    // One NaN for all: their payloads are not part of the protocol.
    for (let i = 0; i < count; i++) if (Number.isNaN(elements[i])) elements[i] = Number.NaN;
  }
  return elements;
}

/** The elements in JSON, one text each. */
export function elementTexts({ datatype, elements }: Tensor): readonly string[] {
  if (datatype === 'BYTES')
    return (elements as readonly Uint8Array[]).map((bytes) => JSON.stringify(Buffer.from(bytes).toString()));
  if (datatype === 'BOOL') return Array.from(elements as Uint8Array, (bit) => String(bit === 1));
  return Array.from(elements as Float64Array, (value) => (Object.is(value, -0) ? '-0' : String(value)));
}
