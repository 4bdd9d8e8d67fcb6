import * as fc from 'fast-check';
import { DATATYPES } from '../../src/protocol/datatypes.ts';
import { countElements } from '../../src/protocol/shape.ts';
import type { Datatype, Tensor, TensorElements } from '../../src/protocol/types.ts';

const ENCODER = new TextEncoder();
const shapes = fc.array(fc.nat(4), { maxLength: 3 });

function sized<T>(element: fc.Arbitrary<T>, length: number): fc.Arbitrary<T[]> {
  return fc.array(element, { minLength: length, maxLength: length });
}

/** `length` elements of a datatype over its whole range, NaN, infinities and −0 included. */
export function elementsOf(datatype: Datatype, length: number): fc.Arbitrary<TensorElements> {
  const bits = Number(datatype.replace(/\D/g, ''));
  switch (datatype) {
    case 'BOOL':
      return sized(fc.nat(1), length).map((values) => Uint8Array.from(values));
    case 'BYTES':
      return sized(fc.string({ unit: 'binary' }), length).map((values) =>
        values.map((text) => ENCODER.encode(text)),
      );
    case 'FP16':
    case 'BF16':
      return sized(fc.nat(0xffff), length).map((values) => Uint16Array.from(values));
    case 'FP32':
      return sized(fc.float(), length).map((values) => Float32Array.from(values));
    case 'FP64':
      return sized(fc.double(), length).map((values) => Float64Array.from(values));
    case 'INT64':
      return sized(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), length).map((values) =>
        BigInt64Array.from(values),
      );
    case 'UINT64':
      return sized(fc.bigInt(0n, 2n ** 64n - 1n), length).map((values) => BigUint64Array.from(values));
    case 'INT8':
    case 'INT16':
    case 'INT32': {
      const values = sized(fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 }), length);
      const Elements = { 8: Int8Array, 16: Int16Array, 32: Int32Array }[bits]!;
      return values.map((numbers) => Elements.from(numbers));
    }
    default: {
      const values = sized(fc.integer({ min: 0, max: 2 ** bits - 1 }), length);
      const Elements = { 8: Uint8Array, 16: Uint16Array, 32: Uint32Array }[bits]!;
      return values.map((numbers) => Elements.from(numbers));
    }
  }
}

/** A tensor of any datatype and shape, empty ones included. */
export function tensors(name: string, datatypes: readonly Datatype[] = DATATYPES): fc.Arbitrary<Tensor> {
  return fc
    .tuple(fc.constantFrom(...datatypes), shapes)
    .chain(([datatype, shape]) =>
      elementsOf(datatype, countElements(shape)).map((elements) => ({ name, datatype, shape, elements })),
    );
}
