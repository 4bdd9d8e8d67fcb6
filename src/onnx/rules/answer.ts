import type { NodeProto } from 'onnx-buf';
import type { GraphIndex } from '../graph.ts';
import { opOf } from '../op.ts';
import { isScaling, movesElements, type Passage, reached } from './flow.ts';
import { isPooling, isReduction } from './reductions.ts';

/** What turns logits into the answer. */
const ANSWER_OPS: ReadonlySet<string> = new Set('Softmax LogSoftmax Hardmax ArgMax ArgMin TopK'.split(' '));

/** Several answers made one: of an ensemble, or of two heads. */
const MERGING: ReadonlySet<string> = new Set('Add Sum Mean Max Min'.split(' '));

/** Elementwise functions and rounding that leave an answer an answer. */
const FINISHING: ReadonlySet<string> = new Set('Clip Round QuantizeLinear DequantizeLinear'.split(' '));

/** Why a gate at a tensor would prune the model's answer itself; undefined where it would not. */
export type AnswerReason = (tensor: string) => string | undefined;

/**
 * The answer is a graph output, and what nothing but a change of shape, a scaling, an average, a pooling or a softmax
 * makes one, be it inside an If, a Loop or a Scan.
 */
export function answerReasons(graph: GraphIndex): AnswerReason {
  const outputs = graph.outputs.map((output) => [output, true] as const);
  const answers = reached<true>(graph, passageOfAnswer, new Map(outputs));
  return (tensor) => {
    if (graph.isOutput(tensor)) return 'a graph output is never gated';
    return answers.has(tensor)
      ? 'gives the answer: only shape, scale, averages or softmax follow'
      : undefined;
  };
}

function passageOfAnswer(node: NodeProto, _: string, graph: GraphIndex): Passage<true> {
  const op = opOf(node);
  const passes =
    movesElements(node) ||
    ANSWER_OPS.has(op) ||
    MERGING.has(op) ||
    FINISHING.has(op) ||
    isReduction(node) ||
    isPooling(node) ||
    isScaling(node, graph);
  return passes ? 'pass' : 'end';
}
