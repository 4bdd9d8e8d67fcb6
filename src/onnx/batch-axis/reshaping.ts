/** Operators that are given a shape: the rows stay apart where the shape names their number, or leaves it alone. */
import type { NodeProto } from 'onnx-buf';
import { intAttribute } from '../attributes.ts';
import { opOf } from '../op.ts';
import type { Outcome, Reading } from './reading.ts';
import { type Dimensions, fromFront, isSteady, type Rows, rowsAt, type Size } from './state.ts';

const FOLDED = 'the axis of the rows is folded with another';

export function reshaped(node: NodeProto, reading: Reading): Outcome {
  const tensor = node.input[0] ?? '';
  const state = reading.state(tensor);
  if (state.kind !== 'rows') return 'reads a value that depends on the number of rows';
  const rank = state.rank ?? reading.rank(tensor);
  const rows = rowsAt(state.axis, rank, state.dims ?? reading.declared(tensor));
  if (opOf(node) === 'Flatten') return flattened(node, rows);
  const shape = reading.sizes(node.input[1] ?? '')?.entries;
  if (shape === undefined) return 'its shape is computed by the model';
  const isKept = intAttribute(node, 'allowzero') ? false : shape[rows.axis] === 0;
  const before = shape.slice(0, rows.axis);
  const areKept = before.every((size, i) => size === 0 || (size === rows.dims?.[i] && size !== undefined));
  if (!areKept) return FOLDED;
  const at = shape[rows.axis];
  if (!isKept && at !== 'rows' && !(at === -1 && isSameSize(shape, rows))) return FOLDED;
  const others = shape.filter((_, i) => i !== rows.axis);
  if (others.some((size) => size === 'rows' || size === 'counted')) return FOLDED;
  const dims = shape.map((size, i) => {
    if (i === rows.axis || typeof size !== 'number' || size < 0) return undefined;
    return size === 0 ? rows.dims?.[i] : size;
  });
  return [rowsAt(rows.axis, shape.length, withRest(dims, shape, rows))];
}

/** The size that −1 stands for, where all others are known. */
function withRest(dims: Dimensions, shape: readonly Size[], rows: Rows): Dimensions {
  const open = shape.findIndex((size, i) => size === -1 && i !== rows.axis);
  const total = sizeOfRow(rows.dims, rows.axis);
  if (open < 0 || total === undefined) return dims;
  const known = dims.filter((_, i) => i !== open && i !== rows.axis);
  if (known.some((size) => size === undefined)) return dims;
  const rest = total / known.reduce<number>((product, size) => product * size!, 1);
  return dims.map((size, i) => (i === open ? rest : size));
}

/** Whether −1 in place of the rows comes to their number: a row has as many elements after as before. */
function isSameSize(shape: readonly Size[], rows: Rows): boolean {
  if (rows.axis !== 0) return false;
  const others = shape.slice(1).map((size, i) => (size === 0 ? rows.dims?.[i + 1] : size));
  if (!others.every((size): size is number => typeof size === 'number' && size > 0)) return false;
  return sizeOfRow(rows.dims, 0) === others.reduce((product, size) => product * size, 1);
}

function sizeOfRow(dims: Dimensions | undefined, axis: number): number | undefined {
  return dims?.reduce<number | undefined>((product, size, i) => {
    if (i === axis) return product;
    return product === undefined || size === undefined ? undefined : product * size;
  }, 1);
}

function flattened(node: NodeProto, rows: Rows): Outcome {
  const axis = fromFront(intAttribute(node, 'axis') ?? 1, rows.rank);
  if (rows.axis !== 0 || axis !== 1) return FOLDED;
  return [rowsAt(0, 2, [undefined, sizeOfRow(rows.dims, 0)])];
}

/** Expand, ConstantOfShape and Tile: repetition. */
export function shapedLike(node: NodeProto, reading: Reading): Outcome {
  const op = opOf(node);
  const given = reading.sizes(node.input[op === 'ConstantOfShape' ? 0 : 1] ?? '')?.entries;
  if (given === undefined) return 'its shape is computed by the model';
  if (given.includes('counted')) return 'its shape depends on the number of rows in another way';
  const rowAxis = given.indexOf('rows');
  if (rowAxis !== given.lastIndexOf('rows')) return 'rows against rows';
  const dims = given.map((size) => (typeof size === 'number' ? size : undefined));
  if (op === 'ConstantOfShape') return [rowsAt(rowAxis, given.length, dims)];
  const state = reading.state(node.input[0] ?? '');
  const rank =
    (state.kind === 'rows' || state.kind === 'free' ? state.rank : undefined) ??
    reading.rank(node.input[0] ?? '');
  if (rank === undefined) return 'the number of dimensions is not known';
  const outRank = Math.max(rank, given.length);
  if (state.kind === 'rows') {
    const axis = outRank - rank + state.axis;
    const at = given[axis - outRank + given.length];
    return at === undefined || at === 1 || (at === 'rows' && op === 'Expand')
      ? [rowsAt(axis, outRank)]
      : FOLDED;
  }
  if (!isSteady(state)) return 'reads a value that depends on the number of rows';
  const axis = rowAxis + outRank - given.length;
  const own = axis - outRank + rank;
  const size = state.kind === 'free' ? state.dims?.[own] : undefined;
  return own < 0 || size === 1 ? [rowsAt(axis, outRank)] : 'a constant has an axis where the rows are';
}
