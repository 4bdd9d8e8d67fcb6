import type { NodeProto } from 'onnx-buf';
import type { GraphIndex } from '../graph.ts';
import { opOf } from '../op.ts';
import type { AnswerReason } from './answer.ts';
import { isScaling, movesElements, originsOf, reached } from './flow.ts';
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

/** Whether a node applies a nonlinearity to the tensor, alone or as part of a decomposition. */
export type ReadsAsNonlinearity = (node: NodeProto, tensor: string) => boolean;

/**
 * The output of a hidden fully connected layer: a MatMul or Gemm with a constant weight, with the bias that follows.
 *
 * Declined: what gives the answer, what feeds a nonlinearity (its site is the nonlinearity's output) and the projections
 * of an attention.
 */
export function fullyConnectedRule(
  graph: GraphIndex,
  answerReason: AnswerReason,
  readsAsNonlinearity: ReadsAsNonlinearity,
): SiteRule {
  const nonlinearities = nonlinearitiesReached(graph, readsAsNonlinearity);
  const products = productsReached(graph, readsAsNonlinearity);
  const originOf = originsOf(graph, movesElements);
  const comesFromProduct = (tensor: string): boolean => {
    const source = graph.producer(originOf(tensor));
    return source !== undefined && isProduct(source, graph);
  };
  return {
    name: 'fully-connected',
    match(node): Match | undefined {
      if (!FULLY_CONNECTED.has(opOf(node))) return undefined;
      const position = dataInput(node, graph);
      if (position === undefined) return undefined;
      const op = node.opType;
      const tensor = withBias(node.output[0] ?? '', graph);
      const decline = (reason: string): Match => miss(node, op, tensor, reason);
      const answer = answerReason(tensor);
      if (answer !== undefined) return decline(answer);
      if (nonlinearities.has(tensor)) return decline('feeds a nonlinearity');
      if (products.has(tensor)) return decline('projection into an attention');
      if (comesFromProduct(node.input[position] ?? '')) return decline('projection out of an attention');
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

/** What reaches a nonlinearity. A normalisation with fixed statistics is part of the linear layer, as if folded into it. */
function nonlinearitiesReached(
  graph: GraphIndex,
  readsAsNonlinearity: ReadsAsNonlinearity,
): ReadonlyMap<string, true> {
  return reached(graph, (node, tensor, around) => {
    if (readsAsNonlinearity(node, tensor)) return { found: true };
    return movesElements(node) || opOf(node) === 'BatchNormalization' || isScaling(node, around)
      ? 'pass'
      : 'end';
  });
}

/** What reaches a softmax or a product of two activations with no layer in between. */
function productsReached(
  graph: GraphIndex,
  readsAsNonlinearity: ReadsAsNonlinearity,
): ReadonlyMap<string, true> {
  return reached(graph, (node, tensor, around) => {
    const op = opOf(node);
    if (op === 'Softmax' || isProduct(node, around)) return { found: true };
    const isLayer = FULLY_CONNECTED.has(op) || CONVOLUTIONS.has(op) || RECURRENT.has(op);
    return isLayer || readsAsNonlinearity(node, tensor) ? 'end' : 'pass';
  });
}

/** A matrix product of two activations, or an operator that holds a whole attention. */
function isProduct(node: NodeProto, graph: GraphIndex): boolean {
  const op = opOf(node);
  if (ATTENTION.test(op)) return true;
  if (op !== 'MatMul' && op !== 'Einsum' && op !== 'com.microsoft.FusedMatMul') return false;
  return node.input.length > 1 && !node.input.some((input) => graph.isConstant(input));
}
