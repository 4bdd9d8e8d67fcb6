import type { GraphProto, NodeProto } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { findSites } from '../../src/onnx/sites.ts';
import { softmaxOutputs } from '../../src/onnx/softmax-outputs.ts';
import { BOOL, type GraphParts, graph, INT64, model, node, tensor, value } from './models.ts';

const CONSTANTS = [
  tensor('w', [4, 4], new Array<number>(16).fill(1)),
  tensor('two', [], [2]),
  tensor('axes', [1], [1], INT64),
  tensor('count', [], [3], INT64),
];

/** A body that returns its last node's first output, or what `results` names. */
function body(
  nodes: readonly NodeProto[],
  inputs: readonly string[] = [],
  results?: readonly string[],
): GraphProto {
  const last = nodes.at(-1)?.output[0] ?? '';
  return graph({
    nodes,
    inputs: inputs.map((name) => value(name)),
    outputs: (results ?? [last]).map((name) => value(name)),
  });
}

/** x → nodes → y; `flag` and `more` are conditions. */
function modelOf(nodes: GraphParts['nodes']) {
  return model({
    nodes,
    inputs: [value('x', ['N', 4]), value('flag', [], BOOL)],
    outputs: [value('y', ['N', 4])],
    initializers: CONSTANTS,
  });
}

/** What becomes of the tensor s: a site, or why not. */
function fateOf(nodes: GraphParts['nodes'], made = node('Softplus', ['x'], 's')): string | undefined {
  const { sites, skipped } = findSites(modelOf([made, ...nodes]), { scheme: 'activations' });
  if (sites.some(({ tensor: at }) => at === 's')) return 'a site';
  return skipped.find(({ tensor: at }) => at === 's')?.reason;
}

const branches = (then: GraphProto, other: GraphProto, output = 'y') =>
  node('If', ['flag'], output, { then_branch: then, else_branch: other });
const dense = body([node('MatMul', ['x', 'w'], 'd')]);
/** A loop's body: what becomes of its states, after its counter and its condition. */
const round = (nodes: readonly NodeProto[], states: readonly string[], results: readonly string[]) =>
  body([node('Identity', ['go'], 'on'), ...nodes], ['i', 'go', ...states], ['on', ...results]);

const ANSWER = 'gives the answer: only shape, scale, averages or softmax follow';

describe('an answer that passes through a body is the answer', () => {
  it.each<[string, GraphParts['nodes']]>([
    ['a branch that moves it', [branches(body([node('Unsqueeze', ['s', 'axes'], 't')]), dense)]],
    ['the other branch, under the same names', [branches(dense, body([node('Softmax', ['s'], 'd')]))]],
    ['a branch that is the tensor itself', [branches(body([], [], ['s']), dense)]],
    ['a scale from outside the body', [branches(body([node('Mul', ['s', 'two'], 't')]), dense)]],
    ['a branch within a branch', [branches(body([branches(body([], [], ['s']), dense, 't')]), dense)]],
    ['what follows the body', [branches(body([], [], ['s']), dense, 't'), node('ReduceMean', ['t'], 'y')]],
    [
      'a loop that adds it up',
      [node('Loop', ['count', '', 'x'], 'y', { body: round([node('Add', ['a', 's'], 'b')], ['a'], ['b']) })],
    ],
    [
      'a loop that stacks it',
      [node('Loop', ['count', ''], 'y', { body: round([node('Identity', ['s'], 'b')], [], ['b']) })],
    ],
    [
      'a loop that may run no time',
      [
        node('Loop', ['count', '', 's'], 'y', {
          body: round([node('MatMul', ['a', 'w'], 'b')], ['a'], ['b']),
        }),
      ],
    ],
    [
      'states that hand it on, one round after another',
      [
        node('Loop', ['count', '', 'x', 'x', 'x'], ['', '', 'y'], {
          body: round([node('Identity', ['s'], 'b')], ['a1', 'a2', 'a3'], ['b', 'a1', 'a2']),
        }),
      ],
    ],
    [
      'a scan that returns what it reads',
      [
        node('Scan', ['x', 's'], ['', 'y'], {
          num_scan_inputs: 1n,
          body: body([], ['state', 'slice'], ['state', 'slice']),
        }),
      ],
    ],
    ['an operator that nobody knows', [node('Repeat', ['s'], 'y', { body: body([], ['a'], ['a']) })]],
  ])('%s', (_, nodes) => {
    expect(fateOf(nodes)).toBe(ANSWER);
  });

  it('also a Relu and a layer', () => {
    const moved = [branches(body([node('Identity', ['s'], 't')]), dense)];
    expect(fateOf(moved, node('Relu', ['x'], 's'))).toBe(ANSWER);
    expect(fateOf(moved, node('MatMul', ['x', 'w'], 's'))).toBe(ANSWER);
  });
});

describe('what a layer inside a body reads is a site', () => {
  it.each<[string, GraphParts['nodes']]>([
    ['in a branch', [branches(body([node('MatMul', ['s', 'w'], 't')]), dense)]],
    [
      'in a branch within a branch',
      [branches(body([branches(body([node('Conv', ['s', 'w'], 'u')]), dense, 't')]), dense)],
    ],
    [
      'in a loop',
      [
        node('Loop', ['count', '', 'x'], 'y', {
          body: round([node('MatMul', ['s', 'w'], 'b'), node('Add', ['a', 'b'], 'c')], ['a'], ['c']),
        }),
      ],
    ],
    [
      'in a scan, by another name',
      [
        node('Scan', ['x', 's'], ['y'], {
          num_scan_inputs: 1n,
          body: body(
            [node('MatMul', ['slice', 'w'], 'b'), node('Add', ['state', 'b'], 'c')],
            ['state', 'slice'],
          ),
        }),
      ],
    ],
    [
      'in a scan of opset 8, after the lengths',
      [
        node('Scan', ['', 'x', 's'], ['y'], {
          num_scan_inputs: 1n,
          body: body(
            [node('MatMul', ['slice', 'w'], 'b'), node('Add', ['state', 'b'], 'c')],
            ['state', 'slice'],
          ),
        }),
      ],
    ],
    [
      'where one branch computes, and the other does not read it',
      [branches(body([node('Exp', ['s'], 't')]), dense)],
    ],
    [
      'where a body divides it',
      [branches(body([node('Div', ['s', 'x'], 't'), node('Exp', ['t'], 'u')]), dense)],
    ],
    [
      'where another branch divides by another tensor of the same name',
      [
        branches(
          body([node('Exp', ['s'], 't')]),
          body([node('Neg', ['x'], 't'), node('Div', ['x', 't'], 'u'), node('Exp', ['u'], 'v')]),
        ),
      ],
    ],
  ])('%s', (_, nodes) => {
    expect(fateOf(nodes)).toBe('a site');
  });
});

describe('what a body does with a tensor counts as if the main graph did', () => {
  it.each<[string, GraphParts['nodes']]>([
    ['a zero would reach Div, outside its domain', [branches(body([node('Div', ['x', 's'], 't')]), dense)]],
    [
      'a zero would reach Log, outside its domain',
      [
        node('Loop', ['count', '', 's'], 't', { body: round([node('Log', ['a'], 'b')], ['a'], ['b']) }),
        node('Exp', ['t'], 'y'),
      ],
    ],
    [
      'a zero would reach Div, outside its domain',
      [branches(body([node('Abs', ['s'], 't')]), dense, 'r'), node('Div', ['x', 'r'], 'y')],
    ],
    [
      'a parameter of Resize, not an activation',
      [branches(body([node('Resize', ['x', '', 's'], 't')]), dense)],
    ],
    [
      'a parameter of If, not an activation',
      [
        node('Cast', ['s'], 'c', { to: 9n }),
        node('If', ['c'], 'y', { then_branch: dense, else_branch: dense }),
      ],
    ],
  ])('%s', (reason, nodes) => {
    expect(fateOf(nodes)).toBe(reason);
  });

  it('a factor', () => {
    const inside = [branches(body([node('Mul', ['x', 's'], 't'), node('Exp', ['t'], 'u')]), dense)];
    expect(fateOf(inside, node('Sigmoid', ['x'], 's'))).toBe('a factor of another activation');
    const scan = body([node('Mul', ['state', 'slice'], 't'), node('Exp', ['t'], 'u')], ['state', 'slice']);
    const renamed = [node('Scan', ['x', 's'], ['y'], { num_scan_inputs: 1n, body: scan })];
    expect(fateOf(renamed, node('Tanh', ['x'], 's'))).toBe('a factor of another activation');
    const scaled = [branches(body([node('Mul', ['s', 'two'], 't'), node('Exp', ['t'], 'u')]), dense)];
    expect(fateOf(scaled, node('Sigmoid', ['x'], 's'))).toBe('a site');
  });

  it('a nonlinearity, and an attention', () => {
    const layer = node('MatMul', ['x', 'w'], 's');
    const relu = [branches(body([node('Relu', ['s'], 't'), node('Exp', ['t'], 'u')]), dense)];
    expect(fateOf(relu, layer)).toBe('feeds a nonlinearity');
    const product = [branches(body([node('MatMul', ['s', 'x'], 't')]), dense)];
    expect(fateOf(product, layer)).toBe('projection into an attention');
    const weighted = [branches(body([node('MatMul', ['s', 'w'], 't')]), dense)];
    expect(fateOf(weighted, layer)).toBe('a site');
  });
});

describe('outputs of a Softmax', () => {
  const softmax = body([node('Softmax', ['x'], 'p')]);
  it.each<[string, boolean, GraphParts['nodes']]>([
    ['in both branches', true, [branches(softmax, body([node('LogSoftmax', ['x'], 'q')]))]],
    ['in one branch', false, [branches(softmax, dense)]],
    ['before a branch', true, [node('Softmax', ['x'], 's'), branches(body([], [], ['s']), softmax)]],
    [
      'in a loop',
      true,
      [node('Loop', ['count', ''], 'y', { body: round([node('Softmax', ['x'], 'b')], [], ['b']) })],
    ],
    ['after a branch', true, [branches(dense, dense, 't'), node('Softmax', ['t'], 'y')]],
  ])('%s: %s', (_, isOne, nodes) => {
    expect(softmaxOutputs(modelOf(nodes))).toEqual(isOne ? ['y'] : []);
  });
});
