import { subgraphs } from '../attributes.ts';
import type { GraphIndex } from '../graph.ts';
import { opOf } from '../op.ts';
import { isScaling, movesElements, reached } from './flow.ts';
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
 * makes one.
 */
export function answerReasons(graph: GraphIndex): AnswerReason {
  const answers = reached<true>(graph, (node) => {
    const op = opOf(node);
    const passes =
      movesElements(node) ||
      ANSWER_OPS.has(op) ||
      MERGING.has(op) ||
      FINISHING.has(op) ||
      isReduction(node) ||
      isPooling(node) ||
      isScaling(node, graph) ||
      subgraphs(node).length > 0;
    if (!passes) return 'end';
    return node.output.some((output) => graph.isOutput(output)) ? { found: true } : 'pass';
  });
  return (tensor) => {
    if (graph.isOutput(tensor)) return 'a graph output is never gated';
    return answers.has(tensor)
      ? 'gives the answer: only shape, scale, averages or softmax follow'
      : undefined;
  };
}
