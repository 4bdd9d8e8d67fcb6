import type { NodeProto } from 'onnx-buf';
import type { GraphIndex } from '../graph.ts';
import { opOf } from '../op.ts';
import { answerReason, firstAlong, isScaling, movesElements } from './flow.ts';
import { hit, type Match, miss, type SiteRule } from './rule.ts';

const FULLY_CONNECTED: ReadonlySet<string> = new Set([
  'MatMul',
  'Gemm',
  'com.microsoft.FusedMatMul',
  'com.microsoft.FusedGemm',
  'com.microsoft.MatMulNBits',
]);

const CONVOLUTIONS: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'com.microsoft.FusedConv']);

const RECURRENT: ReadonlySet<string> = new Set(['LSTM', 'GRU', 'RNN']);

const INTEGER: ReadonlySet<string> = new Set([
  'MatMulInteger',
  'QLinearMatMul',
  'ConvInteger',
  'QLinearConv',
  'com.microsoft.QGemm',
]);

const ATTENTION = /^(com\.microsoft\.)?(\w*Attention)$/;

/**
 * The one input of a linear layer that carries activations, the other one being a weight.
 *
 * @returns its position, or undefined where the node is no linear layer with a constant weight.
 */
export function dataInput(node: NodeProto, graph: GraphIndex): 0 | 1 | undefined {
  const op = opOf(node);
  const [a = '', b = ''] = node.input;
  if (CONVOLUTIONS.has(op)) return graph.isConstant(b) && !graph.isConstant(a) ? 0 : undefined;
  if (!FULLY_CONNECTED.has(op) || graph.isConstant(a) === graph.isConstant(b)) return undefined;
  return graph.isConstant(b) ? 0 : 1;
}

/** Why a layer is left as it is whatever the scheme; undefined where it is not. */
export function layerReason(node: NodeProto): string | undefined {
  if (INTEGER.has(opOf(node))) return 'integer arithmetic is not gated';
  return RECURRENT.has(opOf(node)) ? 'a recurrent layer is left as it is' : undefined;
}

/**
 * The output of a hidden fully connected layer: a MatMul or Gemm with a constant weight, with the bias that follows.
 *
 * Declined: what gives the answer, what feeds a nonlinearity (its site is the nonlinearity's output) and the projections
 * of an attention.
 *
 * @param readsAsNonlinearity - whether a node applies a nonlinearity to the tensor, alone or as part of a decomposition.
 */
export function fullyConnectedRule(
  readsAsNonlinearity: (node: NodeProto, tensor: string) => boolean,
): SiteRule {
  return {
    name: 'fully-connected',
    match(node, graph): Match | undefined {
      if (!FULLY_CONNECTED.has(opOf(node))) return undefined;
      const position = dataInput(node, graph);
      if (position === undefined) return undefined;
      const op = node.opType;
      const tensor = withBias(node.output[0] ?? '', graph);
      const decline = (reason: string): Match => miss(node, op, tensor, reason);
      const answer = answerReason(tensor, graph);
      if (answer !== undefined) return decline(answer);
      if (feedsNonlinearity(tensor, graph, readsAsNonlinearity)) return decline('feeds a nonlinearity');
      if (feedsProduct(tensor, graph, readsAsNonlinearity)) return decline('projection into an attention');
      if (comesFromProduct(node.input[position] ?? '', graph))
        return decline('projection out of an attention');
      return hit(node, op, tensor, false);
    },
  };
}

/** The tensor after the bias: the output of an Add of a constant that alone reads `tensor`, or `tensor` itself. */
function withBias(tensor: string, graph: GraphIndex): string {
  const [reader, ...others] = graph.consumers(tensor);
  if (reader === undefined || others.length > 0 || graph.isOutput(tensor)) return tensor;
  const isBias = opOf(reader) === 'Add' && reader.input.some((input) => graph.isConstant(input));
  return isBias ? (reader.output[0] ?? tensor) : tensor;
}

/** A normalisation with fixed statistics is part of the linear layer, as if folded into it. */
function feedsNonlinearity(
  tensor: string,
  graph: GraphIndex,
  readsAsNonlinearity: (node: NodeProto, tensor: string) => boolean,
): boolean {
  const found = firstAlong(tensor, graph, (node, name) => {
    if (readsAsNonlinearity(node, name)) return { found: true };
    return movesElements(node) || opOf(node) === 'BatchNormalization' || isScaling(node, graph)
      ? 'pass'
      : 'end';
  });
  return found === true;
}

/** Whether the tensor reaches a softmax or a product of two activations with no layer in between. */
function feedsProduct(
  tensor: string,
  graph: GraphIndex,
  readsAsNonlinearity: (node: NodeProto, tensor: string) => boolean,
): boolean {
  const found = firstAlong(tensor, graph, (node, name) => {
    const op = opOf(node);
    if (op === 'Softmax' || isProduct(node, graph)) return { found: true };
    const isLayer = FULLY_CONNECTED.has(op) || CONVOLUTIONS.has(op) || RECURRENT.has(op);
    return isLayer || readsAsNonlinearity(node, name) ? 'end' : 'pass';
  });
  return found === true;
}

function comesFromProduct(tensor: string, graph: GraphIndex): boolean {
  let node = graph.producer(tensor);
  while (node !== undefined && movesElements(node)) node = graph.producer(node.input[0] ?? '');
  return node !== undefined && isProduct(node, graph);
}

/** A matrix product of two activations, or an operator that holds a whole attention. */
function isProduct(node: NodeProto, graph: GraphIndex): boolean {
  const op = opOf(node);
  if (ATTENTION.test(op)) return true;
  if (op !== 'MatMul' && op !== 'Einsum' && op !== 'com.microsoft.FusedMatMul') return false;
  return node.input.length > 1 && !node.input.some((input) => graph.isConstant(input));
}
