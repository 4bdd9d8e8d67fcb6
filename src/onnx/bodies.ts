/**
 * What goes in and out of the body of an If, a Loop or a Scan: bodies are read, to tell what becomes of a tensor, and never
 * changed.
 *
 *   If     every result of the branch that runs is an output of the node
 *   Loop   state goes in, round and out, other results are stacked; a loop that runs no time hands its state on
 *   Scan   the same, and slices of its further inputs go in
 */
import type { GraphProto, NodeProto } from 'onnx-buf';
import { intAttribute } from './attributes.ts';
import { opOf } from './op.ts';

/** The first name is of the body's outside, the second of its inside. */
type Names = readonly (readonly [outer: string, inner: string])[];

/** How the names of one body belong to those outside it. */
export interface BodyNames {
  /** What the node reads, and the input of the body that it is. */
  readonly given: Names;
  /** What the node makes, and the result of the body that it is. */
  readonly results: Names;
  /** A result of one iteration, and the input of the next that it is. */
  readonly carried: readonly (readonly [result: string, input: string])[];
  /** What the node reads, and the output that it is where the body does not run. */
  readonly past: readonly (readonly [input: string, output: string])[];
}

/** The names of one of a node's bodies. Of an operator that is not known, anything may become anything. */
export function bodyNames(node: NodeProto, body: GraphProto): BodyNames {
  const inputs = body.input.map(({ name }) => name);
  const results = body.output.map(({ name }) => name);
  switch (opOf(node)) {
    case 'If':
      return { given: [], results: pairs(node.output, results), carried: [], past: [] };
    case 'Loop': {
      const states = node.input.slice(2);
      return {
        given: pairs(states, inputs.slice(2)),
        results: pairs(node.output, results.slice(1)),
        carried: pairs(results.slice(1, states.length + 1), inputs.slice(2)),
        past: pairs(states, node.output),
      };
    }
    case 'Scan': {
      // Before opset 9 the lengths of sequences come first.
      const given = node.input.slice(node.input.length - inputs.length);
      const states = inputs.length - (intAttribute(node, 'num_scan_inputs') ?? 0);
      return {
        given: pairs(given, inputs),
        results: pairs(node.output, results),
        carried: pairs(results.slice(0, states), inputs),
        past: [],
      };
    }
    default:
      return {
        given: node.input.flatMap((outer) => inputs.map((inner) => [outer, inner] as const)),
        results: node.output.flatMap((outer) => results.map((inner) => [outer, inner] as const)),
        carried: [],
        past: node.input.flatMap((input) => node.output.map((output) => [input, output] as const)),
      };
  }
}

/** First with first, second with second, as far as both reach; a name that is left out is no pair. */
function pairs(a: readonly string[], b: readonly string[]): (readonly [string, string])[] {
  return a.flatMap((first, i) => {
    const second = b[i];
    return first === '' || second === undefined || second === '' ? [] : [[first, second] as const];
  });
}
