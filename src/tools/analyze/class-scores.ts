import { ServingError } from '../../config/errors.ts';
import { float16ToFloat32 } from '../../estimator/float16.ts';
import type { Tensor, TensorSpec } from '../../protocol/types.ts';

const FLOATS = new Set(['FP16', 'FP32', 'FP64']);

/** The first output of floating-point class scores, [rows, classes ≥ 2]; undefined when there is none. */
export function scoresOutput(specs: readonly TensorSpec[]): string | undefined {
  return specs.find(
    ({ datatype, shape }) =>
      FLOATS.has(datatype) && shape.length === 2 && (shape[1] === -1 || shape[1]! >= 2),
  )?.name;
}

/** The class with the largest score in every row, the first of equals, written to `into` from `from` on. */
export function topClasses(scores: Tensor, into: Int32Array, from: number): void {
  const [rows = 0, classes = 0] = scores.shape;
  const values =
    scores.datatype === 'FP16'
      ? float16ToFloat32(scores.elements as Uint16Array)
      : (scores.elements as Float32Array | Float64Array);
  for (let row = 0; row < rows; row++) {
    let best = 0;
    for (let c = 1; c < classes; c++) {
      if (values[row * classes + c]! > values[row * classes + best]!) best = c;
    }
    into[from + row] = best;
  }
}

/** Share of rows in which two classifications are the same. */
export function shareAlike(a: Int32Array, b: Int32Array): number {
  let alike = 0;
  for (let row = 0; row < a.length; row++) if (a[row] === b[row]) alike++;
  return alike / a.length;
}

/** @throws ServingError INVALID_REQUEST when a label is no class of the model. */
export function assertClasses(labels: Int32Array, classes: number): void {
  const row = labels.findIndex((label) => label < 0 || label >= classes);
  if (row >= 0) {
    throw new ServingError(
      'INVALID_REQUEST',
      `labels: row ${row} has class ${labels[row]}, the model's output has ${classes} (0 … ${classes - 1})`,
    );
  }
}
