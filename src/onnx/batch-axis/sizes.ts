/** Shapes as values: what Shape gives, and the arithmetic that exporters do with it before a Reshape or an Expand. */
import type { NodeProto } from 'onnx-buf';
import { intAttribute, intsAttribute, tensorAttribute } from '../attributes.ts';
import { opOf } from '../op.ts';
import { numbersOf } from './integers.ts';
import type { Reading } from './reading.ts';
import { type BatchState, type Size, sizesOf } from './state.ts';

const ARITHMETIC: ReadonlyMap<string, (a: number, b: number) => number> = new Map([
  ['Add', (a, b) => a + b],
  ['Sub', (a, b) => a - b],
  ['Mul', (a, b) => a * b],
  ['Div', (a, b) => Math.trunc(a / b)],
  ['Equal', (a, b) => Number(a === b)],
]);

/** The sizes that a node gives; undefined where it gives none, or reads anything else than sizes. */
export function sizesBehind(node: NodeProto, reading: Reading): BatchState | undefined {
  const op = opOf(node);
  if (op === 'Shape') return shapeOf(node, reading);
  if (op === 'Size') {
    const { kind } = reading.state(node.input[0] ?? '');
    return kind === 'rows' ? sizesOf(['counted'], true) : undefined;
  }
  const given = node.input.filter((name) => name !== '');
  const isOfShapes = given.some((name) => reading.state(name).kind === 'sizes');
  if (!isOfShapes) return undefined;
  const operands = given.map(reading.sizes);
  const first = operands[0]?.entries;
  const isScalar = operands.every((operand) => operand?.isScalar === true);
  switch (op) {
    case 'Identity':
    case 'Cast':
      return sizesOf(first, isScalar);
    case 'Unsqueeze':
      return sizesOf(first, false);
    case 'Squeeze':
      return sizesOf(first, true);
    case 'Concat': {
      const parts = operands.map((operand) => operand?.entries);
      return sizesOf(parts.every((part) => part !== undefined) ? parts.flat() : undefined);
    }
    case 'Gather':
      return gathered(node, first, reading);
    case 'Slice':
      return sizesOf(sliced(node, first, reading));
    case 'ConstantOfShape':
      return filled(node, first);
    case 'Where':
      return sizesOf(chosen(operands.map((operand) => operand?.entries)));
    default: {
      const f = ARITHMETIC.get(op);
      return f === undefined || operands.length !== 2
        ? undefined
        : sizesOf(combined(first, operands[1]?.entries, op, f), isScalar);
    }
  }
}

function shapeOf(node: NodeProto, reading: Reading): BatchState | undefined {
  const tensor = node.input[0] ?? '';
  const state = reading.state(tensor);
  if (state.kind === 'sizes') {
    return sizesOf(state.isScalar ? [] : state.entries === undefined ? undefined : [state.entries.length]);
  }
  if (state.kind !== 'rows') return undefined;
  const rank = state.rank ?? reading.rank(tensor);
  if (rank === undefined) return sizesOf(undefined);
  const dims = state.dims ?? reading.declared(tensor);
  const all = Array.from(
    { length: rank },
    (_, i): Size => (i === state.axis ? 'rows' : (dims?.[i] ?? 'other')),
  );
  return sizesOf(all.slice(intAttribute(node, 'start') ?? 0, intAttribute(node, 'end') ?? rank));
}

function gathered(node: NodeProto, from: readonly Size[] | undefined, reading: Reading): BatchState {
  const indices = reading.sizes(node.input[1] ?? '');
  const at = indices?.entries;
  if (from === undefined || at === undefined) return sizesOf(undefined);
  const picked = at.map((i) => (typeof i === 'number' ? from.at(i) : undefined));
  return sizesOf(picked.every((size) => size !== undefined) ? picked : undefined, indices?.isScalar);
}

function sliced(
  node: NodeProto,
  from: readonly Size[] | undefined,
  reading: Reading,
): readonly Size[] | undefined {
  const start = intsAttribute(node, 'starts')?.[0] ?? reading.numbers(node.input[1] ?? '')?.[0];
  const end = intsAttribute(node, 'ends')?.[0] ?? reading.numbers(node.input[2] ?? '')?.[0];
  const steps = node.input[4] ?? '';
  if (start === undefined || end === undefined) return undefined;
  if (steps !== '' && reading.numbers(steps)?.[0] !== 1) return undefined;
  return from?.slice(start, end);
}

/** Longer ones are no shapes. */
const MOST = 64;

/** A vector of one value, as long as a size says. */
function filled(node: NodeProto, lengths: readonly Size[] | undefined): BatchState | undefined {
  const length = lengths?.length === 1 ? lengths[0] : undefined;
  if (typeof length !== 'number' || length > MOST || length < 0) return undefined;
  const value = tensorAttribute(node, 'value');
  const fill = value === undefined ? 0 : numbersOf(value)?.[0];
  return fill === undefined ? undefined : sizesOf(new Array<Size>(length).fill(fill));
}

function chosen([condition, yes, no]: readonly (readonly Size[] | undefined)[]): readonly Size[] | undefined {
  if (condition === undefined || yes === undefined || no === undefined) return undefined;
  const length = Math.max(condition.length, yes.length, no.length);
  const at = (sizes: readonly Size[], i: number): Size | undefined =>
    sizes.length === 1 ? sizes[0] : sizes[i];
  const all = Array.from({ length }, (_, i) => {
    const which = at(condition, i);
    if (typeof which === 'number') return at(which === 0 ? no : yes, i);
    return [which, at(yes, i), at(no, i)].every((size) => typeof size === 'number' || size === 'other')
      ? 'other'
      : 'counted';
  });
  return all.every((size) => size !== undefined) ? all : undefined;
}

function combined(
  a: readonly Size[] | undefined,
  b: readonly Size[] | undefined,
  op: string,
  f: (a: number, b: number) => number,
): readonly Size[] | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (a.length !== b.length && a.length !== 1 && b.length !== 1) return undefined;
  return Array.from({ length: Math.max(a.length, b.length) }, (_, i): Size => {
    const x = a.length === 1 ? a[0]! : a[i]!;
    const y = b.length === 1 ? b[0]! : b[i]!;
    if (typeof x === 'number' && typeof y === 'number') return f(x, y);
    if (op === 'Equal' && [x, y].some((size) => typeof size === 'number' && size < 0)) return 0;
    if ((op === 'Mul' || op === 'Div') && y === 1) return x;
    if (op === 'Mul' && x === 1) return y;
    const isCounted = [x, y].some((size) => size === 'rows' || size === 'counted');
    return isCounted ? 'counted' : 'other';
  });
}
