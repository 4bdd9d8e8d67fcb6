import type { Datatype, TensorElements } from '../../../src/protocol/types.ts';
import type { AskedTensor } from './client.ts';

const texts = (...words: readonly string[]) => words.map((word) => Uint8Array.from(Buffer.from(word)));

/** Elements of each datatype that a transport could get wrong: ends of ranges, signs, words, lengths. */
export const ELEMENTS: Readonly<Record<Datatype, TensorElements>> = {
  BOOL: Uint8Array.of(1, 0, 0, 1),
  UINT8: Uint8Array.of(0, 127, 128, 255),
  UINT16: Uint16Array.of(0, 128, 0x8000, 0xffff),
  UINT32: Uint32Array.of(0, 0x7fffffff, 0x80000000, 0xffffffff),
  UINT64: BigUint64Array.of(0n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n),
  INT8: Int8Array.of(-128, -1, 0, 127),
  INT16: Int16Array.of(-0x8000, -1, 0, 0x7fff),
  INT32: Int32Array.of(-0x80000000, -1, 0, 0x7fffffff),
  INT64: BigInt64Array.of(-(2n ** 63n), -1n, 2n ** 53n + 1n, 2n ** 63n - 1n),
  FP16: Uint16Array.of(0, 0x8000, 0x0001, 0x3c00, 0x7bff, 0x7c00, 0xfc00),
  BF16: Uint16Array.of(0, 0x8000, 0x3f80),
  FP32: Float32Array.of(0, -0, 1e-45, -3.4028234e38, Number.NaN, Number.POSITIVE_INFINITY, -Infinity),
  FP64: Float64Array.of(0, -0, 5e-324, -Number.MAX_VALUE, Number.NaN, Number.POSITIVE_INFINITY, -Infinity),
  BYTES: texts('', 'a', 'naïve', '日本', '🙂', 'x'.repeat(200)),
};

/** One row of the model 'rows'. */
export const ROW = {
  name: 'x',
  datatype: 'FP32',
  shape: [1, 4],
  elements: Float32Array.of(1, 2.5, -3, 4),
} as const satisfies AskedTensor;

/** The inputs of the model 'pair'. */
export const X0 = {
  name: 'x0',
  datatype: 'FP32',
  shape: [1, 2],
  elements: Float32Array.of(1, 2),
} as const satisfies AskedTensor;
export const X1 = {
  name: 'x1',
  datatype: 'INT32',
  shape: [1, 2],
  elements: Int32Array.of(7, -8),
} as const satisfies AskedTensor;
