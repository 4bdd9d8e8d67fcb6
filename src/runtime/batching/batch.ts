/**
 * Requests that share a run: their inputs are joined along dimension 0, and the outputs are split along it again. Pure.
 */

import { float16ToFloat32 } from '../../estimator/float16.ts';
import type { RowMeeting } from '../../onnx/row-independence.ts';
import type { ModelSignature } from '../../onnx/signature.ts';
import { allocateElements } from '../../protocol/datatypes.ts';
import { countElements } from '../../protocol/shape.ts';
import type { Datatype, Tensor, TensorElements } from '../../protocol/types.ts';
import type { Run } from '../runtime.ts';

/**
 * Why requests to a model must not share a run; undefined if they may: dimension 0 of every input and output is variable
 * and is the same dimension, and no node combines rows.
 */
export function unbatchable(
  { inputs, outputs }: ModelSignature,
  [meeting]: readonly RowMeeting[],
): string | undefined {
  if (inputs.length === 0) return 'the model has no inputs';
  const tensors = [...inputs, ...outputs];
  const fixed = tensors.find(({ shape }) => shape[0] !== -1);
  if (fixed !== undefined) {
    return `dimension 0 of '${fixed.name}' is not variable: shape [${fixed.shape.join(',')}]`;
  }
  const names = new Set(tensors.flatMap(({ dimensionNames }) => dimensionNames?.[0] ?? []));
  if (names.size > 1) return `dimension 0 has several names: ${[...names].join(', ')}`;
  const inside = tensors.find(({ dimensionNames }) =>
    dimensionNames?.slice(1).some((name) => name !== undefined && names.has(name)),
  );
  if (inside !== undefined) return `the rows of '${inside.name}' are as long as the batch`;
  return meeting && `rows can meet at ${meeting.op} '${meeting.node}': ${meeting.reason}`;
}

/** Rows of a run that may be shared; undefined for one that must run alone. */
export function rowsOf({ inputs, isAlone }: Run): number | undefined {
  if (isAlone) return undefined;
  const rows = inputs[0]?.shape[0];
  if (rows === undefined || rows === 0) return undefined;
  const isWhole = inputs.every(
    ({ shape, elements }) => shape[0] === rows && elements.length === countElements(shape),
  );
  return isWhole ? rows : undefined;
}

/** Whether two requests can share a run: same tensors, shapes (rows aside) and thresholds. */
export function canShareRun(a: Run, b: Run): boolean {
  return (
    areEqual(a.thresholds, b.thresholds) &&
    areEqual(a.outputs, b.outputs) &&
    a.inputs.length === b.inputs.length &&
    a.inputs.every((input, i) => isAlike(input, b.inputs[i]!))
  );
}

function isAlike(a: Tensor, b: Tensor): boolean {
  return (
    a.name === b.name &&
    a.datatype === b.datatype &&
    a.shape.length === b.shape.length &&
    a.shape.every((size, axis) => axis === 0 || size === b.shape[axis])
  );
}

function areEqual<T>(a: ArrayLike<T> | undefined, b: ArrayLike<T> | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** One run of all rows of several runs, in their order. Tensors are copied. */
export function joined(runs: readonly Run[]): Run {
  const { inputs, outputs, thresholds } = runs[0]!;
  return {
    inputs: inputs.map((first, i) => {
      const parts = runs.map((run) => run.inputs[i]!);
      const rows = parts.reduce((sum, { shape }) => sum + shape[0]!, 0);
      return { ...first, shape: [rows, ...first.shape.slice(1)], elements: concatenated(parts) };
    }),
    outputs,
    thresholds,
  };
}

function concatenated(parts: readonly Tensor[]): TensorElements {
  const { datatype } = parts[0]!;
  if (datatype === 'BYTES') return parts.flatMap(({ elements }) => elements as readonly Uint8Array[]);
  const all = allocateElements(
    datatype,
    parts.reduce((sum, { elements }) => sum + elements.length, 0),
  );
  let at = 0;
  for (const { elements } of parts) {
    all.set(elements as never, at);
    at += elements.length;
  }
  return all;
}

/**
 * The outputs of a joined run, one list per request; undefined if an output does not have as many rows as all requests
 * together.
 *
 * @param rows - of each request, in the order in which they were joined.
 */
export function split(outputs: readonly Tensor[], rows: readonly number[]): Tensor[][] | undefined {
  const total = rows.reduce((sum, count) => sum + count, 0);
  if (outputs.some(({ shape }) => shape[0] !== total)) return undefined;
  let from = 0;
  return rows.map((count) => {
    const to = from + count;
    const own = outputs.map((output) => {
      const perRow = output.elements.length / total;
      return {
        ...output,
        shape: [count, ...output.shape.slice(1)],
        elements: output.elements.slice(from * perRow, to * perRow),
      };
    });
    from = to;
    return own;
  });
}

/** Largest difference that another order of arithmetic explains, relative to max(1, |value|). */
const TOLERANCE: Partial<Readonly<Record<Datatype, number>>> = { FP32: 1e-4, FP64: 1e-4, FP16: 1e-2 };

/** Whether two answers are the same: floats within a tolerance, all else exactly. */
export function areSameAnswers(a: readonly Tensor[], b: readonly Tensor[]): boolean {
  return a.length === b.length && a.every((one, i) => areSameTensors(one, b[i]!));
}

function areSameTensors(a: Tensor, b: Tensor): boolean {
  if (a.shape.join() !== b.shape.join() || a.elements.length !== b.elements.length) return false;
  const tolerance = TOLERANCE[a.datatype] ?? 0;
  const [left, right] = [numbersOf(a), numbersOf(b)];
  for (let i = 0; i < left.length; i++) if (!isSame(left[i]!, right[i]!, tolerance)) return false;
  return true;
}

function numbersOf({ datatype, elements }: Tensor): TensorElements {
  return datatype === 'FP16' ? float16ToFloat32(elements as Uint16Array) : elements;
}

function isSame(a: TensorElements[number], b: TensorElements[number], tolerance: number): boolean {
  if (typeof a === 'number' && typeof b === 'number') {
    const isNear = Number.isFinite(a) && Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a));
    return isNear || Object.is(a, b);
  }
  return a instanceof Uint8Array ? Buffer.compare(a, b as Uint8Array) === 0 : a === b;
}
