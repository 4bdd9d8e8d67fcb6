/** Where each operator takes the axis of the rows, or why it does not keep them apart. */
import type { NodeProto } from 'onnx-buf';
import { intAttribute, intsAttribute } from '../attributes.ts';
import { opOf } from '../op.ts';
import { isReduction } from '../rules/reductions.ts';
import {
  ELEMENTWISE,
  IMAGE_LAYERS,
  NORMALIZATIONS,
  PRODUCTS,
  RECURRENT,
  SKIP_NORMALIZATIONS,
  SOFTMAXES,
} from './operators.ts';
import type { Outcome, Reading } from './reading.ts';
import { reshaped, shapedLike } from './reshaping.ts';
import { type BatchState, type Dimensions, fromFront, isSteady, MET, type Rows, rowsAt } from './state.ts';

const UNKNOWN_RANK = 'the number of dimensions is not known';
const OVER_ROWS = 'works over the axis of the rows';

/** @param node - one that reads the batch, or its size. */
export function ruleFor(node: NodeProto, reading: Reading): Outcome {
  const op = opOf(node);
  if (op === 'Reshape' || op === 'Flatten') return reshaped(node, reading);
  if (op === 'Expand' || op === 'ConstantOfShape' || op === 'Tile') return shapedLike(node, reading);
  const counted = node.input.find((name) => {
    const state = reading.state(name);
    return state.kind === 'sizes' && !isSteady(state);
  });
  const takesSizes = op === 'Slice' || op === 'Resize';
  if (counted !== undefined && !takesSizes) return 'reads a value that depends on the number of rows';
  if (ELEMENTWISE.has(op)) return elementwise(node, reading);
  if (IMAGE_LAYERS.has(op)) return imageLayer(node, reading);
  if (PRODUCTS.has(op)) return product(node, reading);
  if (SOFTMAXES.has(op)) return softmax(node, reading);
  if (NORMALIZATIONS.has(op) || SKIP_NORMALIZATIONS.has(op)) return normalization(node, reading);
  if (RECURRENT.has(op)) return recurrent(node, reading);
  if (isReduction(node) || op === 'ArgMax' || op === 'ArgMin') return reduction(node, reading);
  const rule = SINGLE.get(op);
  return rule === undefined ? `nothing is known of operator ${op}` : rule(node, reading);
}

/** The rows of an input that must have them, the others being the same for all rows. */
function onlyRows(node: NodeProto, reading: Reading, position = 0): Rows | string {
  const states = node.input.map(reading.state);
  const state = states[position];
  if (state?.kind !== 'rows') return 'the rows are in another input than the first';
  const others = node.input.some((name, i) => i !== position && name !== '' && !isSteady(states[i]!));
  if (others) return 'more than one input has rows';
  const rank = state.rank ?? reading.rank(node.input[position] ?? '');
  return rowsAt(state.axis, rank, state.dims ?? reading.declared(node.input[position] ?? ''));
}

/** Along an axis of its own, which must not be that of the rows. */
function along(
  node: NodeProto,
  reading: Reading,
  axis: number | undefined,
  keep: (rows: Rows, axis: number) => readonly BatchState[] = (rows) =>
    node.output.map(() => rowsAt(rows.axis, rows.rank)),
): Outcome {
  const rows = onlyRows(node, reading);
  if (typeof rows === 'string') return rows;
  if (axis === undefined) return 'its axis is computed by the model';
  const front = fromFront(axis, rows.rank);
  if (front === undefined) return UNKNOWN_RANK;
  return front === rows.axis ? OVER_ROWS : keep(rows, front);
}

interface Operand {
  readonly state: BatchState;
  readonly rank: number | undefined;
  readonly dims: Dimensions | undefined;
}

function operandsOf(names: readonly string[], reading: Reading): Operand[] {
  return names
    .filter((name) => name !== '')
    .map((name) => {
      const state = reading.state(name);
      const own = state.kind === 'rows' || state.kind === 'free' ? state : undefined;
      const scalar = state.kind === 'sizes' ? (state.isScalar ? 0 : 1) : undefined;
      return {
        state,
        rank: own?.rank ?? scalar ?? reading.rank(name),
        dims: own?.dims ?? reading.declared(name),
      };
    });
}

/** Broadcasting aligns the last axes: the rows must be as far from the end in every operand that has them, and in no other. */
function broadcast(operands: readonly Operand[]): Rows | string {
  const withRows = operands.filter(({ state }) => state.kind === 'rows');
  const first = withRows[0]?.state;
  if (first?.kind !== 'rows') return 'no input has rows';
  const isOne = ({ rank, dims }: Operand) => rank === 0 || (rank === 1 && dims?.[0] === 1);
  const others = operands.filter((operand) => operand.state.kind !== 'rows' && !isOne(operand));
  const dims = withRows.length === 1 && others.length === 0 ? withRows[0]?.dims : undefined;
  if (operands.every((operand) => operand.state.kind === 'rows' || isOne(operand)) && withRows.length === 1)
    return rowsAt(first.axis, withRows[0]?.rank, dims);
  const rank = operands.reduce<number | undefined>(
    (most, operand) =>
      most === undefined || operand.rank === undefined ? undefined : Math.max(most, operand.rank),
    0,
  );
  if (rank === undefined) return UNKNOWN_RANK;
  const fromEnd = withRows.map(({ state, rank }) => rank! - (state as Rows).axis);
  const place = fromEnd[0]!;
  if (fromEnd.some((other) => other !== place)) return 'rows meet other axes';
  for (const other of others) {
    const at = other.rank! - place;
    if (at >= 0 && other.dims?.[at] !== 1) return 'a constant has an axis where the rows are';
  }
  return rowsAt(
    rank - place,
    rank,
    withRows.length > 1 || others.length > 0 ? broadcastDims(operands) : dims,
  );
}

function broadcastDims(operands: readonly Operand[]): Dimensions | undefined {
  if (operands.some(({ dims }) => dims === undefined)) return undefined;
  const rank = Math.max(...operands.map(({ dims }) => dims!.length));
  return Array.from({ length: rank }, (_, i) => {
    const sizes = operands.flatMap(({ dims }) => {
      const at = i - rank + dims!.length;
      return at < 0 ? [] : [dims![at]];
    });
    const larger = sizes.find((size) => size !== undefined && size > 1);
    return larger ?? (sizes.every((size) => size === 1) ? 1 : undefined);
  });
}

function elementwise(node: NodeProto, reading: Reading): Outcome {
  const rows = broadcast(operandsOf(node.input, reading));
  return typeof rows === 'string' ? rows : node.output.map(() => rows);
}

function imageLayer(node: NodeProto, reading: Reading): Outcome {
  const rows = onlyRows(node, reading);
  if (typeof rows === 'string') return rows;
  if (rows.axis !== 0) return 'the rows are not along axis 0';
  if (intAttribute(node, 'training_mode')) return 'statistics over the rows';
  const op = opOf(node);
  const dims = rows.dims?.map((size, i) => (i < 2 ? size : op.startsWith('Global') ? 1 : undefined));
  const weight = reading.state(node.input[1] ?? '');
  const channels = op === 'Conv' && weight.kind === 'free' ? weight.dims?.[0] : dims?.[1];
  const rank = op.startsWith('Global') ? rows.rank : (rows.rank ?? dims?.length);
  const sized = dims?.map((size, i) => (i === 1 && /Conv|Space|Depth/.test(op) ? channels : size));
  // Positions of maxima count from the first row of all.
  return node.output.map((_, i) =>
    i === 0 ? rowsAt(0, rank, op.includes('Transpose') ? undefined : sized) : MET,
  );
}

/** [.., M, K] · [.., K, N]: rows may be in the leading axes or M of the left one, or in the leading ones or N of the right one. */
function product(node: NodeProto, reading: Reading): Outcome {
  if (node.attribute.some(({ name, i }) => name.startsWith('trans') && i !== 0n))
    return 'a transposed operand';
  const [a, b] = operandsOf(node.input.slice(0, 2), reading);
  const rest = node.input.slice(2).some((name) => !isSteady(reading.state(name)));
  if (a === undefined || b === undefined || rest) return 'more than two inputs have rows';
  if (a.rank === undefined || b.rank === undefined) return UNKNOWN_RANK;
  if (a.rank < 2 || b.rank < 2) return 'a vector is multiplied';
  const rank = Math.max(a.rank, b.rank);
  const fromEnd = ({ state, rank }: Operand) => (state.kind === 'rows' ? rank! - state.axis : undefined);
  const [left, right] = [fromEnd(a), fromEnd(b)];
  if (left === 1 || right === 2) return 'a sum over the rows';
  if (left !== undefined && right !== undefined) {
    return left === right && left > 2 ? [rowsAt(rank - left, rank)] : 'rows are multiplied with rows';
  }
  const place = left ?? right!;
  const other = left === undefined ? a : b;
  const at = other.rank! - place;
  if (place > 2 && at >= 0 && other.dims?.[at] !== 1) return 'a constant has an axis where the rows are';
  const last = b.dims?.at(-1);
  const dims = b.rank === 2 && a.dims !== undefined ? [...a.dims.slice(0, -1), last] : undefined;
  return [rowsAt(rank - place, rank, dims)];
}

function gemm(node: NodeProto, reading: Reading): Outcome {
  const [a, b, c] = operandsOf(node.input, reading);
  if (a?.state.kind !== 'rows' || b?.state.kind !== 'free') return 'a sum over the rows';
  if (a.state.axis !== (intAttribute(node, 'transA') ? 1 : 0)) return 'a sum over the rows';
  const last = b.dims?.[intAttribute(node, 'transB') ? 0 : 1];
  const product: Operand = { state: rowsAt(0, 2), rank: 2, dims: [undefined, last] };
  if (c === undefined) return [rowsAt(0, 2, product.dims)];
  const sum = broadcast([product, c]);
  return typeof sum === 'string' ? sum : [rowsAt(0, 2, product.dims)];
}

function softmax(node: NodeProto, reading: Reading): Outcome {
  const rows = onlyRows(node, reading);
  if (typeof rows === 'string') return rows;
  const isFlat = reading.opset < 13;
  const axis = fromFront(intAttribute(node, 'axis') ?? (isFlat ? 1 : -1), rows.rank);
  if (axis === undefined) return UNKNOWN_RANK;
  return (isFlat ? rows.axis < axis : rows.axis !== axis) ? [rows] : OVER_ROWS;
}

function normalization(node: NodeProto, reading: Reading): Outcome {
  const operands = operandsOf(node.input, reading);
  const rows = broadcast(operands);
  if (typeof rows === 'string') return rows;
  if (operands[0]?.state.kind !== 'rows') return 'the rows are in another input than the first';
  const axis = fromFront(intAttribute(node, 'axis') ?? -1, rows.rank);
  if (axis === undefined) return UNKNOWN_RANK;
  return rows.axis < axis ? node.output.map(() => rowsAt(rows.axis, rows.rank)) : OVER_ROWS;
}

/** layout 0: X [steps, rows, inputs], states [directions, rows, hidden]; layout 1: rows first. */
function recurrent(node: NodeProto, reading: Reading): Outcome {
  const isFirst = intAttribute(node, 'layout') === 1;
  const expected = [isFirst ? 0 : 1, undefined, undefined, undefined, 0, isFirst ? 0 : 1, isFirst ? 0 : 1];
  for (const [i, name] of node.input.entries()) {
    const state = reading.state(name);
    const axis = expected[i];
    if (name === '' || (axis === undefined && isSteady(state))) continue;
    if (state.kind !== 'rows' || state.axis !== axis)
      return `the rows are not along axis ${axis} of input ${i}`;
  }
  const rowsOfState = isFirst ? 0 : 1;
  return node.output.map((_, i) => (i === 0 ? rowsAt(isFirst ? 0 : 2, 4) : rowsAt(rowsOfState, 3)));
}

function reduction(node: NodeProto, reading: Reading): Outcome {
  const rows = onlyRows(node, reading);
  if (typeof rows === 'string') return rows;
  const axes = reducedAxes(node, reading);
  if (axes === undefined) return 'its axes are computed by the model';
  if (axes.length === 0) return intAttribute(node, 'noop_with_empty_axes') ? [rows] : OVER_ROWS;
  const front = axes.map((axis) => fromFront(axis, rows.rank));
  if (front.some((axis) => axis === undefined)) return UNKNOWN_RANK;
  if (front.includes(rows.axis)) return OVER_ROWS;
  if ((intAttribute(node, 'keepdims') ?? 1) !== 0) {
    return [
      rowsAt(
        rows.axis,
        rows.rank,
        rows.dims?.map((size, i) => (front.includes(i) ? 1 : size)),
      ),
    ];
  }
  const before = front.filter((axis) => axis! < rows.axis).length;
  const rank = rows.rank === undefined ? undefined : rows.rank - axes.length;
  return [
    rowsAt(
      rows.axis - before,
      rank,
      rows.dims?.filter((_, i) => !front.includes(i)),
    ),
  ];
}

/** Empty: all of them. */
function reducedAxes(node: NodeProto, reading: Reading): readonly number[] | undefined {
  if (!isReduction(node)) return [intAttribute(node, 'axis') ?? 0];
  return axesOf(node, reading) ?? (node.input.length > 1 && node.input[1] !== '' ? undefined : []);
}

/** An attribute in early opsets, an input later. */
function axesOf(node: NodeProto, reading: Reading, position = 1): readonly number[] | undefined {
  return intsAttribute(node, 'axes') ?? reading.numbers(node.input[position] ?? '');
}

function transpose(node: NodeProto, reading: Reading): Outcome {
  const rows = onlyRows(node, reading);
  if (typeof rows === 'string') return rows;
  const perm = intsAttribute(node, 'perm');
  if (perm === undefined && rows.rank === undefined) return UNKNOWN_RANK;
  const order = perm ?? Array.from({ length: rows.rank! }, (_, i) => rows.rank! - 1 - i);
  const dims = rows.dims;
  return [rowsAt(order.indexOf(rows.axis), order.length, dims && order.map((axis) => dims[axis]))];
}

function squeeze(node: NodeProto, reading: Reading): Outcome {
  const rows = onlyRows(node, reading);
  if (typeof rows === 'string') return rows;
  const axes = axesOf(node, reading)?.map((axis) => fromFront(axis, rows.rank));
  if (axes === undefined) return 'a batch of one row would lose its axis';
  if (axes.some((axis) => axis === undefined)) return UNKNOWN_RANK;
  if (axes.includes(rows.axis)) return OVER_ROWS;
  const before = axes.filter((axis) => axis! < rows.axis).length;
  const rank = rows.rank === undefined ? undefined : rows.rank - axes.length;
  return [
    rowsAt(
      rows.axis - before,
      rank,
      rows.dims?.filter((_, i) => !axes.includes(i)),
    ),
  ];
}

function unsqueeze(node: NodeProto, reading: Reading): Outcome {
  const rows = onlyRows(node, reading);
  if (typeof rows === 'string') return rows;
  const given = axesOf(node, reading);
  if (given === undefined) return 'its axes are computed by the model';
  const rank = rows.rank === undefined ? undefined : rows.rank + given.length;
  const axes = given.map((axis) => fromFront(axis, rank));
  if (axes.some((axis) => axis === undefined)) return UNKNOWN_RANK;
  let axis = rows.axis;
  for (const added of axes.toSorted((a, b) => a! - b!)) if (added! <= axis) axis++;
  const old = rows.dims?.[Symbol.iterator]();
  const dims =
    old &&
    (Array.from({ length: rank! }, (_, i) => (axes.includes(i) ? 1 : old.next().value)) as
      | Dimensions
      | undefined);
  return [rowsAt(axis, rank, dims)];
}

function gather(node: NodeProto, reading: Reading): Outcome {
  const [data, indices] = operandsOf(node.input, reading);
  const axis = fromFront(intAttribute(node, 'axis') ?? 0, data?.rank);
  if (data === undefined || indices === undefined || axis === undefined) return UNKNOWN_RANK;
  if (data.state.kind === 'rows' && indices.state.kind === 'rows') return 'rows are picked by rows';
  if (indices.state.kind === 'rows') {
    const rank =
      data.rank === undefined || indices.rank === undefined ? undefined : data.rank + indices.rank - 1;
    const dims =
      data.dims && indices.dims && axis === 0 ? [...indices.dims, ...data.dims.slice(1)] : undefined;
    return [rowsAt(axis + indices.state.axis, rank, dims)];
  }
  if (data.state.kind !== 'rows') return 'no input has rows';
  if (axis === data.state.axis) return OVER_ROWS;
  if (indices.rank === undefined) return UNKNOWN_RANK;
  const rank = data.rank === undefined ? undefined : data.rank + indices.rank - 1;
  return [rowsAt(data.state.axis + (axis < data.state.axis ? indices.rank - 1 : 0), rank)];
}

function concat(node: NodeProto, reading: Reading): Outcome {
  const operands = operandsOf(node.input, reading);
  const axes = operands.map(({ state }) => (state.kind === 'rows' ? state.axis : undefined));
  const [axis] = axes;
  if (axis === undefined || axes.some((other) => other !== axis)) return 'not every part has the same rows';
  const rank = operands.map(({ rank }) => rank).find((rank) => rank !== undefined);
  const joined = fromFront(intAttribute(node, 'axis') ?? 1, rank);
  if (joined === undefined) return UNKNOWN_RANK;
  return joined === axis ? OVER_ROWS : [rowsAt(axis, rank)];
}

function slice(node: NodeProto, reading: Reading): Outcome {
  const [tensor = '', starts = ''] = node.input;
  const state = reading.state(tensor);
  if (state.kind !== 'rows') return 'reads a value that depends on the number of rows';
  const given = axesOf(node, reading, 3);
  const count = (intsAttribute(node, 'starts') ?? reading.sizes(starts)?.entries)?.length;
  const isGiven = (node.input[3] ?? '') !== '';
  const axes =
    given ?? (isGiven || count === undefined ? undefined : Array.from({ length: count }, (_, i) => i));
  if (axes === undefined) return 'its axes are computed by the model';
  if (node.input.slice(1).some((name) => name !== '' && !isSteady(reading.state(name))))
    return 'reads a value that depends on the number of rows';
  const rank = state.rank ?? reading.rank(tensor);
  const front = axes.map((axis) => fromFront(axis, rank));
  if (front.some((axis) => axis === undefined)) return UNKNOWN_RANK;
  if (front.includes(state.axis)) return OVER_ROWS;
  return [
    rowsAt(
      state.axis,
      rank,
      state.dims?.map((size, i) => (front.includes(i) ? undefined : size)),
    ),
  ];
}

function pad(node: NodeProto, reading: Reading): Outcome {
  const rows = onlyRows(node, reading);
  if (typeof rows === 'string') return rows;
  const pads = intsAttribute(node, 'pads') ?? reading.numbers(node.input[1] ?? '');
  const axes = (node.input[3] ?? '') === '' ? undefined : reading.numbers(node.input[3] ?? '');
  const isPlain = (node.input[3] ?? '') === '' || axes !== undefined;
  if (pads === undefined || !isPlain) return 'its padding is computed by the model';
  const half = pads.length / 2;
  const place =
    axes === undefined ? rows.axis : axes.findIndex((axis) => fromFront(axis, rows.rank) === rows.axis);
  const isKept = place < 0 || (pads[place] === 0 && pads[place + half] === 0);
  return isKept ? [rowsAt(rows.axis, rows.rank ?? half)] : OVER_ROWS;
}

function resize(node: NodeProto, reading: Reading): Outcome {
  const tensor = node.input[0] ?? '';
  const state = reading.state(tensor);
  if (state.kind !== 'rows') return 'reads a value that depends on the number of rows';
  if (intsAttribute(node, 'axes') !== undefined) return 'its axes are not followed';
  const scalesAt = opOf(node) === 'Upsample' || reading.opset < 11 ? 1 : 2;
  const scale = reading.numbers(node.input[scalesAt] ?? '')?.[state.axis];
  const size = reading.sizes(node.input[3] ?? '')?.entries?.[state.axis];
  return scale === 1 || size === 'rows' ? [rowsAt(state.axis, state.rank)] : 'the number of rows may change';
}

function oneHot(node: NodeProto, reading: Reading): Outcome {
  const rows = onlyRows(node, reading);
  if (typeof rows === 'string') return rows;
  const rank = rows.rank === undefined ? undefined : rows.rank + 1;
  const axis = fromFront(intAttribute(node, 'axis') ?? -1, rank);
  if (axis === undefined) return UNKNOWN_RANK;
  return [rowsAt(axis <= rows.axis ? rows.axis + 1 : rows.axis, rank)];
}

function quantization(node: NodeProto, reading: Reading): Outcome {
  const scale = reading.state(node.input[1] ?? '');
  const isOne =
    scale.kind === 'free' && (scale.rank === 0 || scale.dims?.every((size) => size === 1) === true);
  if (!isOne) return along(node, reading, intAttribute(node, 'axis') ?? 1);
  const rows = onlyRows(node, reading);
  return typeof rows === 'string' ? rows : [rows];
}

function einsum(node: NodeProto, reading: Reading): Outcome {
  const equation = node.attribute.find(({ name }) => name === 'equation')?.s;
  const [left = '', right] = new TextDecoder()
    .decode(equation ?? new Uint8Array())
    .replaceAll(' ', '')
    .split('->');
  if (right === undefined || left.includes('.')) return 'its equation is not followed';
  const terms = left.split(',');
  const letters = new Set<string>();
  for (const [i, name] of node.input.entries()) {
    const state = reading.state(name);
    if (state.kind === 'rows') letters.add(terms[i]?.[state.axis] ?? '');
  }
  const [letter = ''] = letters;
  if (letters.size !== 1 || letter === '') return 'rows meet other axes';
  const isShared = node.input.some((name, i) => {
    const count = (terms[i] ?? '').split(letter).length - 1;
    return reading.state(name).kind === 'rows' ? count !== 1 : count > 0;
  });
  const axis = right.indexOf(letter);
  return isShared || axis < 0 || axis !== right.lastIndexOf(letter)
    ? OVER_ROWS
    : [rowsAt(axis, right.length)];
}

function trilu(node: NodeProto, reading: Reading): Outcome {
  const rows = onlyRows(node, reading);
  if (typeof rows === 'string') return rows;
  if (rows.rank === undefined) return UNKNOWN_RANK;
  return rows.axis < rows.rank - 2 ? [rows] : OVER_ROWS;
}

function gatherElements(node: NodeProto, reading: Reading): Outcome {
  const [data, indices] = operandsOf(node.input, reading);
  if (data?.state.kind !== 'rows' || indices?.state.kind !== 'rows') return 'not every input has rows';
  const axis = fromFront(intAttribute(node, 'axis') ?? 0, data.rank);
  if (axis === undefined) return UNKNOWN_RANK;
  if (data.state.axis !== indices.state.axis) return 'rows meet other axes';
  return axis === data.state.axis ? OVER_ROWS : [rowsAt(data.state.axis, data.rank)];
}

function gridSample(node: NodeProto, reading: Reading): Outcome {
  const both = node.input.map(reading.state).every((state) => state.kind === 'rows' && state.axis === 0);
  return both ? [rowsAt(0, reading.rank(node.input[0] ?? ''))] : 'not every input has rows along axis 0';
}

function dropout(node: NodeProto, reading: Reading): Outcome {
  if ((node.input[2] ?? '') !== '' && !isFalse(node.input[2]!, reading)) return 'random numbers in training';
  const rows = onlyRows(node, reading);
  return typeof rows === 'string' ? rows : node.output.map(() => rows);
}

function isFalse(tensor: string, reading: Reading): boolean {
  return reading.numbers(tensor)?.[0] === 0;
}

/** [0, 2, 3] unless the node says otherwise. */
function meanVariance(node: NodeProto, reading: Reading): Outcome {
  const rows = onlyRows(node, reading);
  if (typeof rows === 'string') return rows;
  const axes = (intsAttribute(node, 'axes') ?? [0, 2, 3]).map((axis) => fromFront(axis, rows.rank));
  if (axes.some((axis) => axis === undefined)) return UNKNOWN_RANK;
  return axes.includes(rows.axis) ? OVER_ROWS : [rows];
}

const axisOf = (fallback: number) => (node: NodeProto, reading: Reading) =>
  along(node, reading, intAttribute(node, 'axis') ?? fallback);

const SINGLE: ReadonlyMap<string, (node: NodeProto, reading: Reading) => Outcome> = new Map([
  ['Concat', concat],
  [
    'CumSum',
    (node: NodeProto, reading: Reading) => along(node, reading, reading.numbers(node.input[1] ?? '')?.[0]),
  ],
  ['DequantizeLinear', quantization],
  ['Dropout', dropout],
  ['Einsum', einsum],
  ['Gather', gather],
  ['GatherElements', gatherElements],
  ['Gemm', gemm],
  ['GridSample', gridSample],
  ['LpNormalization', axisOf(-1)],
  ['MeanVarianceNormalization', meanVariance],
  ['OneHot', oneHot],
  ['Pad', pad],
  ['QuantizeLinear', quantization],
  ['Resize', resize],
  ['Slice', slice],
  ['Split', axisOf(0)],
  ['Squeeze', squeeze],
  ['TopK', axisOf(-1)],
  ['Transpose', transpose],
  ['Trilu', trilu],
  ['Unsqueeze', unsqueeze],
  ['Upsample', resize],
]);
