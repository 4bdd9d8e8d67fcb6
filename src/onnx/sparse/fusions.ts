import type { NodeProto } from 'onnx-buf';
import { floatAttribute, hasAttribute } from '../attributes.ts';
import type { GraphIndex } from '../graph.ts';
import type { DecodedModel } from '../model-file.ts';
import { opOf } from '../op.ts';
import { constantTensors, isVector, type SparseOperator } from './operators.ts';

export type Activation =
  | { readonly kind: 'none' | 'relu' }
  | { readonly kind: 'clip'; readonly min: number; readonly max: number };

/** A linear layer with what follows it directly, computed in one operator. */
export interface Fusion {
  readonly operator: SparseOperator;
  /** The layer first, and what follows it. */
  readonly nodes: readonly NodeProto[];
  /** What the last node makes. */
  readonly output: string;
  readonly bias: string;
  /** The other term of an Add that follows a convolution; its shape must be that of the convolution's output. */
  readonly residual: string;
  readonly activation: Activation;
}

/**
 * Joins each layer with the bias, the residual and the activation that alone read it.
 *
 * @param isSite - whether a tensor is gated: it then has to be there by itself, so nothing after it is joined.
 */
export function fusionsOf(
  model: DecodedModel,
  index: GraphIndex,
  operators: readonly SparseOperator[],
  isSite: (tensor: string) => boolean,
): readonly Fusion[] {
  const constantOf = constantTensors(model, index);
  const taken = new Set<NodeProto>();
  const reader = (tensor: string): NodeProto | undefined => {
    if (index.isOutput(tensor) || isSite(tensor)) return undefined;
    const [only, ...others] = index.consumers(tensor);
    if (only === undefined || others.length > 0 || taken.has(only)) return undefined;
    return only.input.filter((input) => input === tensor).length === 1 ? only : undefined;
  };
  return operators.map((operator) => {
    const { node, kind, weight } = operator;
    const nodes = [node];
    let output = node.output[0] ?? '';
    let bias = node.input[2] ?? '';
    let residual = '';
    let activation: Activation = { kind: 'none' };
    const join = (next: NodeProto): void => {
      taken.add(next);
      nodes.push(next);
      output = next.output[0] ?? '';
    };
    const add = reader(output);
    if (add !== undefined && opOf(add) === 'Add') {
      const other = add.input.find((input) => input !== output) ?? '';
      const columns = BigInt(weight[1] ?? 0);
      const constant = constantOf(other);
      if (kind === 'conv' && !index.isConstant(other)) {
        residual = other;
        join(add);
      } else if (opOf(node) === 'MatMul' && constant !== undefined && isVector(constant, columns)) {
        bias = other;
        join(add);
      }
    }
    const last = reader(output);
    const found = last === undefined ? undefined : activationOf(last, index);
    if (last !== undefined && found !== undefined) {
      activation = found;
      join(last);
    }
    return { operator, nodes, output, bias, residual, activation };
  });
}

function activationOf(node: NodeProto, index: GraphIndex): Activation | undefined {
  if (opOf(node) === 'Relu') return { kind: 'relu' };
  if (opOf(node) !== 'Clip') return undefined;
  const bound = (name: string, position: number, otherwise: number): number | undefined => {
    if (hasAttribute(node, name)) return floatAttribute(node, name, otherwise);
    const input = node.input[position] ?? '';
    return input === '' ? otherwise : index.scalar(input);
  };
  const min = bound('min', 1, Number.NEGATIVE_INFINITY);
  const max = bound('max', 2, Number.POSITIVE_INFINITY);
  return min === undefined || max === undefined ? undefined : { kind: 'clip', min, max };
}
