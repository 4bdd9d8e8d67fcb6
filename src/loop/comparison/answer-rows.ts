/** The rows of an answer, and their elements as floats. */
import { float16ToFloat32 } from '../../estimator/float16.ts';
import type { Tensor } from '../../protocol/types.ts';
import type { Row } from './row-loss.ts';

/** Rows of an output: its first dimension, or the first two where each position of a sequence is a row. */
export function rowsOf(shape: readonly number[], isPerPosition: boolean): number {
  if (isPerPosition) return shape[0]! * shape[1]!;
  return shape.length > 1 ? shape[0]! : 1;
}

/** One number per position, 0 where it is padding; undefined where no input tells. */
export function maskOf({ shape }: Tensor, inputs: readonly Tensor[]): ArrayLike<number> | undefined {
  const mask = inputs.find(
    (input) =>
      /attention_?mask$/i.test(input.name) &&
      input.datatype !== 'BYTES' &&
      input.shape.length === 2 &&
      input.shape[0] === shape[0] &&
      input.shape[1] === shape[1],
  );
  return mask && floatsOf(mask);
}

export function isFloat(t: Pick<Tensor, 'datatype'>): boolean {
  return t.datatype === 'FP32' || t.datatype === 'FP64' || t.datatype === 'FP16';
}

/** The elements as floats; 64-bit integers are rounded. */
export function floatsOf(t: Tensor): Row {
  if (t.datatype === 'FP16') return float16ToFloat32(t.elements as Uint16Array);
  if (t.elements instanceof Float32Array || t.elements instanceof Float64Array) return t.elements;
  return Float64Array.from(t.elements as ArrayLike<number | bigint>, Number);
}
