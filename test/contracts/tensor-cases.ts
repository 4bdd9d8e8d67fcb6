import type { ModelProto } from 'onnx-buf';
import type { Tensor } from '../../src/protocol/types.ts';
import { BOOL, DOUBLE, FLOAT16, INT8, INT64, UINT8 } from '../onnx/models.ts';
import { doubling, identity, STRING } from '../runtime/small-models.ts';

interface TensorCase {
  readonly datatype: string;
  readonly model: ModelProto;
  readonly input: Tensor;
  readonly output: Omit<Tensor, 'name'>;
}

function same(elementType: number, datatype: Tensor['datatype'], elements: Tensor['elements']): TensorCase {
  const shape = [elements.length];
  return {
    datatype,
    model: identity(elementType),
    input: { name: 'x', datatype, shape, elements },
    output: { datatype, shape, elements },
  };
}

const text = (words: readonly string[]) => words.map((word) => Uint8Array.from(Buffer.from(word)));
const most = 2n ** 63n - 1n;

/** Tensors whose elements JavaScript or ONNX Runtime could get wrong. */
export const tensorCases: readonly TensorCase[] = [
  same(STRING, 'BYTES', text(['', 'naïve', '日本', '🙂'])),
  same(INT64, 'INT64', BigInt64Array.of(most, -most - 1n, 2n ** 53n + 1n, 0n)),
  same(FLOAT16, 'FP16', Uint16Array.of(0, 0x8000, 0x0001, 0x3c00, 0x7bff, 0x7c00, 0xfc00)),
  same(DOUBLE, 'FP64', Float64Array.of(Number.MAX_VALUE, Number.MIN_VALUE, -0, Number.NaN)),
  same(BOOL, 'BOOL', Uint8Array.of(0, 1, 1, 0)),
  same(INT8, 'INT8', Int8Array.of(-128, 127)),
  same(UINT8, 'UINT8', Uint8Array.of(0, 255)),
  same(INT64, 'INT64', new BigInt64Array()),
  {
    datatype: 'INT64 (sums)',
    model: doubling(),
    input: { name: 'x', datatype: 'INT64', shape: [2], elements: BigInt64Array.of(2n ** 61n + 1n, -3n) },
    output: { datatype: 'INT64', shape: [2], elements: BigInt64Array.of(2n ** 62n + 2n, -6n) },
  },
];
