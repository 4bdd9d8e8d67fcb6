/**
 * A tensor as an elementwise function of another tensor: f(x), made of arithmetic nodes and scalar constants only.
 * What such an expression computes is found by computing it, whatever way an exporter has spelled it.
 */
import type { NodeProto } from 'onnx-buf';
import { floatAttribute } from './attributes.ts';
import type { GraphIndex } from './graph.ts';
import { opOf } from './op.ts';

/** Enough for every spelling in use; x counts each time that it is read. */
const MAX_TERMS = 64;

const UNARY: ReadonlyMap<string, (x: number) => number> = new Map([
  ['Identity', (x) => x],
  ['Cast', (x) => x],
  ['Neg', (x) => -x],
  ['Abs', Math.abs],
  ['Exp', Math.exp],
  ['Log', Math.log],
  ['Sqrt', Math.sqrt],
  ['Reciprocal', (x) => 1 / x],
  ['Erf', erf],
  ['Tanh', Math.tanh],
  ['Sigmoid', (x) => 1 / (1 + Math.exp(-x))],
  ['Softplus', (x) => Math.log1p(Math.exp(x))],
  ['Relu', (x) => Math.max(0, x)],
]);

const BINARY: ReadonlyMap<string, (a: number, b: number) => number> = new Map([
  ['Add', (a, b) => a + b],
  ['Sub', (a, b) => a - b],
  ['Mul', (a, b) => a * b],
  ['Div', (a, b) => a / b],
  ['Pow', (a, b) => a ** b],
  ['Max', Math.max],
  ['Min', Math.min],
]);

/** The operators that an expression may hold. */
export function isArithmetic(node: NodeProto): boolean {
  const op = opOf(node);
  return UNARY.has(op) || BINARY.has(op) || op === 'Clip' || op === 'HardSigmoid';
}

type Scalar = (x: number) => number;

export interface Expression {
  /** f at a point. */
  readonly at: (x: number) => number;
  /** The nodes between x and f(x). */
  readonly nodes: ReadonlySet<NodeProto>;
}

/**
 * Reads `tensor` as a function of `variable` alone.
 *
 * @returns undefined when anything else, or too much, lies between the two.
 */
export function expressionOf(tensor: string, variable: string, graph: GraphIndex): Expression | undefined {
  const nodes = new Set<NodeProto>();
  let terms = 0;
  const build = (name: string): Scalar | undefined => {
    if (++terms > MAX_TERMS) return undefined;
    if (name === variable) return (x) => x;
    const constant = graph.scalar(name);
    if (constant !== undefined) return () => constant;
    const node = graph.producer(name);
    if (node === undefined || !isArithmetic(node)) return undefined;
    nodes.add(node);
    const operands = node.input.filter((input) => input !== '').map(build);
    return operands.every((operand) => operand !== undefined) ? apply(node, operands, graph) : undefined;
  };
  const at = build(tensor);
  return at === undefined ? undefined : { at, nodes };
}

function apply(node: NodeProto, operands: readonly Scalar[], graph: GraphIndex): Scalar | undefined {
  const op = opOf(node);
  const [a, b] = operands;
  if (a === undefined) return undefined;
  if (op === 'Clip') {
    const { min, max } = clipBounds(node, graph);
    return min === undefined || max === undefined ? undefined : (x) => Math.min(max, Math.max(min, a(x)));
  }
  if (op === 'HardSigmoid') {
    const alpha = floatAttribute(node, 'alpha', 0.2);
    const beta = floatAttribute(node, 'beta', 0.5);
    return (x) => Math.min(1, Math.max(0, alpha * a(x) + beta));
  }
  const unary = UNARY.get(op);
  if (unary !== undefined) return (x) => unary(a(x));
  const binary = BINARY.get(op);
  return binary === undefined || b === undefined || operands.length > 2
    ? undefined
    : (x) => binary(a(x), b(x));
}

/**
 * The bounds of a Clip: attributes before opset 11, inputs since; ±Infinity where it has none,
 * undefined where a bound is computed by the model.
 */
export function clipBounds(
  node: NodeProto,
  graph: GraphIndex,
): { readonly min: number | undefined; readonly max: number | undefined } {
  const bound = (input: number, attribute: string, fallback: number): number | undefined => {
    const tensor = node.input[input] ?? '';
    return tensor === '' ? floatAttribute(node, attribute, fallback) : graph.scalar(tensor);
  };
  return {
    min: bound(1, 'min', Number.NEGATIVE_INFINITY),
    max: bound(2, 'max', Number.POSITIVE_INFINITY),
  };
}

/** Error function to 1.5e-7. Source: Abramowitz and Stegun 1964, formula 7.1.26. */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const series =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(x) * (1 - series * Math.exp(-x * x));
}
