import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { instrument } from '../../src/onnx/instrument.ts';
import { decodeModel } from '../../src/onnx/model-file.ts';
import { findSites, type SiteOptions } from '../../src/onnx/sites.ts';
import {
  type AttributeValue,
  DOUBLE,
  FLOAT,
  FLOAT16,
  type GraphParts,
  graph,
  INT8,
  INT64,
  model,
  node,
  tensor,
  UINT8,
  value,
} from './models.ts';

const activations: SiteOptions = { scheme: 'activations' };

/** x → what is tested → Neg → y: nothing in it is a site of its own. */
function around(
  nodes: GraphParts['nodes'],
  initializers: GraphParts['initializers'] = [],
  opset = 20,
  type: number = FLOAT,
): ReturnType<typeof findSites> {
  const source = model(
    {
      nodes: [...nodes, node('Neg', ['a'], 'y')],
      inputs: [value('x', ['N', 4], type)],
      outputs: [value('y', ['N', 4], type)],
      initializers: [tensor('w', [4, 4], new Array<number>(16).fill(1), type), ...(initializers ?? [])],
    },
    opset,
    ['com.microsoft'],
  );
  return findSites(source, activations);
}

describe('one node', () => {
  it.each([
    ['Relu', {}, true, null],
    ['LeakyRelu', { alpha: 0.1 }, false, null],
    ['Elu', {}, false, 1],
    ['Elu', { alpha: 0.5 }, false, 0.5],
    ['Elu', { alpha: -1 }, false, null],
    ['Celu', { alpha: 2 }, false, 2],
    ['Selu', {}, false, 1.7581],
    ['Selu', { alpha: 2, gamma: 0.25 }, false, 0.5],
    ['ThresholdedRelu', {}, true, null],
    ['ThresholdedRelu', { alpha: -1 }, false, null],
    ['Gelu', {}, false, 0.17],
    ['HardSwish', {}, false, 0.375],
    ['Swish', {}, false, 0.2785],
    ['Swish', { alpha: 2 }, false, 0.1392],
    ['Swish', { alpha: 0 }, false, null],
    ['Mish', {}, false, 0.3088],
    ['Softplus', {}, true, null],
    ['Softsign', {}, false, null],
    ['Sigmoid', {}, true, null],
    ['HardSigmoid', {}, true, null],
    ['Tanh', {}, false, null],
  ] as const)(
    '%s %j is a site; never negative: %j; stands still at: %j',
    (op, attributes, isNonNegative, pole) => {
      const found = around([
        node(op, ['x'], 'a', attributes as Record<string, AttributeValue>, { name: 'act' }),
      ]);
      expect(found).toEqual({
        sites: [
          {
            index: 0,
            name: 'act',
            op,
            tensor: 'a',
            isNonNegative,
            prunedFor: 'all',
            pole: pole === null ? null : expect.closeTo(pole, 4),
            elementType: 'float32',
            tap: 'taustat_tap_0',
          },
        ],
        skipped: [],
      });
    },
  );

  it.each([
    ['Gelu', 'Gelu', 0.17],
    ['FastGelu', 'Gelu', 0.17],
    ['BiasGelu', 'Gelu', 0.17],
    ['QuickGelu', 'QuickGelu', 0.1636],
  ])('com.microsoft.%s is a site named %s that stands still at %d', (contributed, op, pole) => {
    const inputs = contributed === 'BiasGelu' ? ['x', 'w'] : ['x'];
    const { sites } = around([node(contributed, inputs, 'a', {}, { domain: 'com.microsoft' })]);
    expect(sites).toMatchObject([{ op, pole: expect.closeTo(pole, 4) }]);
  });

  it('PRelu is a site', () => {
    expect(around([node('PRelu', ['x', 'w'], 'a')]).sites[0]).toMatchObject({
      op: 'PRelu',
      isNonNegative: false,
    });
  });

  const clip = (inputs: readonly string[]): ReturnType<typeof findSites> =>
    around(
      [node('ReduceMax', ['x'], 'peak'), node('Clip', ['x', ...inputs], 'a')],
      [tensor('0', [], [0]), tensor('-1', [], [-1]), tensor('6', [], [6]), tensor('1e-6', [], [1e-6])],
    );

  it.each([
    [['0', '6'], true],
    [['0'], true],
    [['-1', '6'], false],
  ])('Clip to %j is a site; never negative: %j', (bounds, isNonNegative) => {
    expect(clip(bounds).sites).toMatchObject([{ op: 'Clip', isNonNegative }]);
  });

  it.each([
    [['1e-6'], 'zero lies outside its bounds'],
    [['', '-1'], 'zero lies outside its bounds'],
    [['', '6'], 'no lower bound: a limit, not an activation'],
    [[], 'no lower bound: a limit, not an activation'],
    [['peak'], 'bounds are computed by the model'],
  ])('Clip to %j is declined: %s', (bounds, reason) => {
    expect(clip(bounds)).toMatchObject({ sites: [], skipped: [{ op: 'Clip', tensor: 'a', reason }] });
  });

  it('reads the bounds of an early Clip from its attributes', () => {
    expect(around([node('Clip', ['x'], 'a', { min: 0, max: 6 })], [], 9).sites[0]).toMatchObject({
      isNonNegative: true,
    });
    expect(around([node('Clip', ['x'], 'a', { max: 6 })], [], 9).sites).toEqual([]);
  });

  it.each(['Sigmoid', 'HardSigmoid', 'Tanh'])('%s is declined as a factor of another activation', (op) => {
    const { sites, skipped } = around([
      node('ReduceMax', ['x'], 'other'),
      node(op, ['x'], 's', {}, { name: 'factor' }),
      node('Mul', ['other', 's'], 'a'),
    ]);
    expect(sites).toEqual([]);
    expect(skipped).toEqual([{ name: 'factor', op, tensor: 's', reason: 'a factor of another activation' }]);
  });

  it.each([
    ['Div', ['x', 's']],
    ['Log', ['s']],
    ['Reciprocal', ['s']],
    ['Pow', ['s', 'minus']],
    ['Pow', ['s', 'x']],
  ])('what %s reads is declined where it must not be zero', (op, inputs) => {
    const { sites, skipped } = around(
      [node('Softplus', ['x'], 's'), node(op, inputs, 'a')],
      [tensor('minus', [], [-0.5])],
    );
    expect(sites).toEqual([]);
    expect(skipped[0]?.reason).toBe(`a zero would reach ${op}, outside its domain`);
  });
});

describe('where a zero would arrive', () => {
  const declined = (nodes: GraphParts['nodes'], initializers?: GraphParts['initializers']) => {
    const { sites, skipped } = around([node('Softplus', ['x'], 's'), ...nodes], initializers);
    return sites.length > 0 ? 'a site' : skipped[0]?.reason;
  };
  const scalars = [tensor('eps', [], [1e-6]), tensor('two', [], [2]), tensor('less', [], [-1])];

  it.each<[string, GraphParts['nodes']]>([
    ['Div', [node('Sqrt', ['s'], 'r'), node('Div', ['x', 'r'], 'a')]],
    ['Div', [node('Transpose', ['s'], 'r'), node('Abs', ['r'], 'q'), node('Div', ['x', 'q'], 'a')]],
    ['Div', [node('ReduceSum', ['s'], 'r'), node('Div', ['x', 'r'], 'a')]],
    ['Div', [node('ReduceL2', ['s'], 'r'), node('Expand', ['r', 'to'], 'e'), node('Div', ['x', 'e'], 'a')]],
    ['Div', [node('Pow', ['s', 'two'], 'r'), node('Add', ['r', 's'], 'e'), node('Div', ['x', 'e'], 'a')]],
    ['Log', [node('Mul', ['s', 'two'], 'r'), node('Log', ['r'], 'a')]],
    ['Log', [node('Add', ['s', 'less'], 'r'), node('Log', ['r'], 'a')]],
    ['Log', [node('ReduceMax', ['s'], 'r'), node('Log', ['r'], 'a')]],
    ['Reciprocal', [node('GlobalAveragePool', ['s'], 'r'), node('Reciprocal', ['r'], 'a')]],
    ['ReduceLogSum', [node('ReduceLogSum', ['s'], 'a')]],
    ['ReduceLogSumExp', [node('ReduceLogSumExp', ['s'], 'a')]],
    ['Acosh', [node('Acosh', ['s'], 'a')]],
    ['Mod', [node('Cast', ['s'], 'i', { to: BigInt(INT64) }), node('Mod', ['x', 'i'], 'a')]],
  ])('reaches %s', (op, nodes) => {
    expect(declined(nodes, scalars)).toBe(`a zero would reach ${op}, outside its domain`);
  });

  it.each<[string, GraphParts['nodes']]>([
    ['a positive constant is added', [node('Add', ['s', 'eps'], 'r'), node('Div', ['x', 'r'], 'a')]],
    ['it is bounded below', [node('Max', ['s', 'eps'], 'r'), node('Div', ['x', 'r'], 'a')]],
    ['it is clipped', [node('Clip', ['s', 'eps'], 'r'), node('Div', ['x', 'r'], 'a')]],
    ['it is an exponent', [node('Exp', ['s'], 'r'), node('Div', ['x', 'r'], 'a')]],
    ['it is divided', [node('Div', ['s', 'x'], 'a')]],
  ])('does not where %s', (_, nodes) => {
    expect(declined(nodes, scalars)).toBe('a site');
  });

  it.each<[string, GraphParts['nodes']]>([
    ['Resize', [node('Concat', ['one', 's'], 'r', { axis: 0n }), node('Resize', ['x', '', 'r'], 'a')]],
    ['Resize', [node('Cast', ['s'], 'i', { to: BigInt(INT64) }), node('Resize', ['x', '', '', 'i'], 'a')]],
    ['Upsample', [node('Upsample', ['x', 's'], 'a')]],
    [
      'Reshape',
      [
        node('Round', ['s'], 'r'),
        node('Cast', ['r'], 'i', { to: BigInt(INT64) }),
        node('Reshape', ['x', 'i'], 'a'),
      ],
    ],
    ['Slice', [node('Cast', ['s'], 'i', { to: BigInt(INT64) }), node('Slice', ['x', 'i', 'i'], 'a')]],
    ['GridSample', [node('GridSample', ['x', 's'], 'a')]],
    ['ReduceSum', [node('Cast', ['s'], 'i', { to: BigInt(INT64) }), node('ReduceSum', ['x', 'i'], 'a')]],
    ['If', [node('Cast', ['s'], 'i', { to: 9n }), node('If', ['i'], 'a')]],
  ])('is a parameter of %s', (op, nodes) => {
    expect(declined(nodes, scalars)).toBe(`a parameter of ${op}, not an activation`);
  });

  it.each(['zero-in-denominator', 'averaged-probability'])('in %s.onnx no site is left', (name) => {
    const bytes = readFileSync(new URL(`./${name}.onnx`, import.meta.url));
    const { sites, skipped } = instrument(new Uint8Array(bytes));
    const offending = sites.filter(({ op }) => op === 'Softplus' || op === 'Sigmoid');
    expect(offending).toEqual([]);
    expect(skipped.map(({ reason }) => reason).join()).toMatch(/outside its domain|gives the answer/);
  });
});

describe('many sites', () => {
  it('are found in a number of steps that grows with the nodes', () => {
    const steps = (layers: number) => {
      let count = 0;
      const counted = (opType: string) => {
        count++;
        return opType;
      };
      const nodes = Array.from({ length: layers }, (_, i) => {
        const from = i === 0 ? 'x' : `t${i - 1}`;
        return [
          node('MatMul', [from, 'w'], `h${i}`, {}, { name: 'same' }),
          node('Add', [from, `h${i}`], `t${i}`),
        ].map((made) => {
          const { opType } = made;
          Object.defineProperty(made, 'opType', { get: () => counted(opType) });
          return made;
        });
      }).flat();
      around([...nodes, node('MatMul', [`t${layers - 1}`, 'w'], 'a')]);
      return count;
    };
    const [small, large] = [steps(200), steps(800)];
    expect(large / small).toBeLessThan(4.5);
  });

  it('share one node that reads the threshold input', () => {
    const nodes = Array.from({ length: 50 }, (_, i) => node('Relu', [i === 0 ? 'x' : `r${i - 1}`], `r${i}`));
    const source = model({
      nodes: [...nodes, node('Neg', ['r49'], 'y')],
      inputs: [value('x', ['N', 4])],
      outputs: [value('y', ['N', 4])],
    });
    const { graph: gated } = decodeModel(instrument(source).bytes);
    expect(gated.node.filter(({ input }) => input.includes('taustat_threshold'))).toHaveLength(1);
  });
});

describe('fully connected layers', () => {
  it.each([
    ['MatMul', [node('MatMul', ['x', 'w'], 'a', {}, { name: 'fc' })], 'a'],
    ['Gemm', [node('Gemm', ['x', 'w'], 'a', {}, { name: 'fc' })], 'a'],
    ['MatMul', [node('MatMul', ['x', 'w'], 'h', {}, { name: 'fc' }), node('Add', ['h', 'w'], 'a')], 'a'],
    ['MatMul', [node('MatMul', ['x', 'w'], 'h', {}, { name: 'fc' }), node('Add', ['w', 'h'], 'a')], 'a'],
    ['MatMul', [node('MatMul', ['w', 'x'], 'a', {}, { name: 'fc' })], 'a'],
    ['MatMul', [node('Transpose', ['w'], 't'), node('MatMul', ['x', 't'], 'a', {}, { name: 'fc' })], 'a'],
    [
      'MatMul',
      [
        node('Cast', ['w'], 'c', { to: BigInt(FLOAT) }),
        node('Identity', ['c'], 'i'),
        node('MatMul', ['x', 'i'], 'a', {}, { name: 'fc' }),
      ],
      'a',
    ],
    [
      'MatMul',
      [
        node('Constant', [], 'k', { value: tensor('', [4, 4], new Array(16).fill(1)) }),
        node('MatMul', ['x', 'k'], 'a', {}, { name: 'fc' }),
      ],
      'a',
    ],
  ])('%s with a weight, with the bias that follows, is a site', (op, nodes, at) => {
    const { sites, skipped } = around(nodes);
    expect(skipped).toEqual([]);
    expect(sites).toMatchObject([{ name: 'fc', op, tensor: at, isNonNegative: false }]);
  });

  it('finds a weight behind DequantizeLinear', () => {
    const quantized = tensor('q', [4, 4], new Array<number>(16).fill(3), INT8);
    const nodes = [node('DequantizeLinear', ['q', 's'], 'd'), node('MatMul', ['x', 'd'], 'a')];
    expect(around(nodes, [quantized, tensor('s', [], [0.1])]).sites).toHaveLength(1);
  });

  it('does not take an Add of two activations for a bias', () => {
    const { sites } = around([node('MatMul', ['x', 'w'], 'h'), node('Add', ['h', 'x'], 'a')]);
    expect(sites.map((site) => site.tensor)).toEqual(['h']);
  });

  it('does not take an Add for a bias where something else reads the product too', () => {
    const { sites } = around([
      node('MatMul', ['x', 'w'], 'h'),
      node('Add', ['h', 'w'], 'b'),
      node('Sub', ['b', 'h'], 'a'),
    ]);
    expect(sites.map((site) => site.tensor)).toEqual(['h']);
  });

  it.each([
    ['Relu', [node('Relu', ['h'], 'a')]],
    ['a bias and Relu', [node('Add', ['h', 'w'], 'b'), node('Relu', ['b'], 'a')]],
    ['Reshape and Gelu', [node('Reshape', ['h', 'shape'], 'r'), node('Gelu', ['r'], 'a')]],
    [
      'BatchNormalization and Relu',
      [node('BatchNormalization', ['h', 'w', 'w', 'w', 'w'], 'r'), node('Relu', ['r'], 'a')],
    ],
    ['Silu in two nodes', [node('Sigmoid', ['h'], 's'), node('Mul', ['h', 's'], 'a')]],
  ])('one that feeds %s is declined', (_, after) => {
    const { skipped, sites } = around(
      [node('MatMul', ['x', 'w'], 'h'), ...after],
      [tensor('shape', [2], [-1, 4], INT64)],
    );
    expect(skipped.map(({ reason }) => reason)).toEqual(['feeds a nonlinearity']);
    expect(sites).toHaveLength(1);
  });

  it('one behind a LayerNormalization before a nonlinearity is kept', () => {
    const { sites } = around([
      node('MatMul', ['x', 'w'], 'h'),
      node('LayerNormalization', ['h', 'w'], 'n'),
      node('Relu', ['n'], 'a'),
    ]);
    expect(sites.map(({ op }) => op)).toEqual(['MatMul', 'Relu']);
  });

  it('a product of two activations is no layer', () => {
    expect(around([node('MatMul', ['x', 'x'], 'a')])).toEqual({ sites: [], skipped: [] });
  });
});

describe('the answer of a model', () => {
  const answer = (nodes: GraphParts['nodes']): ReturnType<typeof findSites> =>
    findSites(
      model({
        nodes,
        inputs: [value('x', ['N', 4])],
        outputs: [value('y')],
        initializers: [tensor('w', [4, 4], new Array<number>(16).fill(0.5)), tensor('half', [], [0.5])],
      }),
      activations,
    );
  const indirect = 'gives the answer: only shape, scale, averages or softmax follow';

  it.each([
    ['the layer itself', [node('Gemm', ['x', 'w'], 'y')], 'a graph output is never gated'],
    [
      'a bias',
      [node('MatMul', ['x', 'w'], 'h'), node('Add', ['h', 'w'], 'y')],
      'a graph output is never gated',
    ],
    ['Softmax', [node('Gemm', ['x', 'w'], 'h'), node('Softmax', ['h'], 'y')], indirect],
    ['a scale', [node('Gemm', ['x', 'w'], 'h'), node('Mul', ['h', 'half'], 'y')], indirect],
    [
      'Flatten, Softmax and ArgMax',
      [
        node('Gemm', ['x', 'w'], 'h'),
        node('Flatten', ['h'], 'f'),
        node('Softmax', ['f'], 's'),
        node('ArgMax', ['s'], 'y'),
      ],
      indirect,
    ],
    ['Relu', [node('Relu', ['x'], 'y')], 'a graph output is never gated'],
    ['Sigmoid and Squeeze', [node('Sigmoid', ['x'], 's'), node('Squeeze', ['s'], 'y')], indirect],
  ])('is not gated: %s', (_, nodes, reason) => {
    const { sites, skipped } = answer(nodes);
    expect(sites).toEqual([]);
    expect(skipped.map((site) => site.reason)).toEqual([reason]);
  });

  it('a hidden activation that is also an output is not gated', () => {
    const source = model({
      nodes: [node('Relu', ['x'], 'a'), node('Neg', ['a'], 'y')],
      inputs: [value('x')],
      outputs: [value('y'), value('a')],
    });
    expect(findSites(source, activations).skipped[0]?.reason).toBe('a graph output is never gated');
  });
});

describe('attention', () => {
  const dims = ['N', 'T', 4] as const;
  const weights = ['q', 'k', 'v', 'o', 'up', 'down', 'head'].map((name) =>
    tensor(`w_${name}`, [4, 4], new Array<number>(16).fill(0.5)),
  );
  const linear = (from: string, name: string): ReturnType<typeof node> =>
    node('MatMul', [from, `w_${name}`], name, {}, { name });
  const source = (attention: GraphParts['nodes']): ReturnType<typeof model> =>
    model({
      nodes: [
        node('LayerNormalization', ['x', 'one'], 'n1'),
        ...attention,
        node('Add', ['x', 'o'], 'r1'),
        node('LayerNormalization', ['r1', 'one'], 'n2'),
        linear('n2', 'up'),
        node('Relu', ['up'], 'act', {}, { name: 'act' }),
        linear('act', 'down'),
        node('Add', ['r1', 'down'], 'r2'),
        node('LayerNormalization', ['r2', 'one'], 'n3'),
        linear('n3', 'head'),
        node('Softmax', ['head'], 'y'),
      ],
      inputs: [value('x', dims)],
      outputs: [value('y', dims)],
      initializers: [...weights, tensor('one', [4], [1, 1, 1, 1]), tensor('scale', [], [0.5])],
    });
  const projections = [linear('n1', 'q'), linear('n1', 'k'), linear('n1', 'v')];

  it('leaves the projections into and out of it, and gates the layers of the MLP', () => {
    const { sites, skipped } = findSites(
      source([
        ...projections,
        node('Transpose', ['k'], 'kt', { perm: [0n, 2n, 1n] }),
        node('Mul', ['q', 'scale'], 'qs'),
        node('MatMul', ['qs', 'kt'], 'scores'),
        node('Softmax', ['scores'], 'p'),
        node('MatMul', ['p', 'v'], 'pv'),
        node('Transpose', ['pv'], 'joined'),
        linear('joined', 'o'),
      ]),
      activations,
    );
    expect(sites.map(({ name }) => name)).toEqual(['act', 'down']);
    expect(Object.fromEntries(skipped.map(({ name, reason }) => [name, reason]))).toEqual({
      q: 'projection into an attention',
      k: 'projection into an attention',
      v: 'projection into an attention',
      o: 'projection out of an attention',
      up: 'feeds a nonlinearity',
      head: 'gives the answer: only shape, scale, averages or softmax follow',
    });
  });

  it('does not follow the shape of an activation', () => {
    const { sites } = findSites(
      source([
        node('MatMul', ['x', 'w_up'], 'first', {}, { name: 'first' }),
        node('Neg', ['first'], 'negated'),
        node('Shape', ['negated'], 'shape'),
        node('Reshape', ['n1', 'shape'], 'shaped'),
        node('MatMul', ['shaped', 'shaped'], 'p'),
        linear('p', 'o'),
      ]),
      activations,
    );
    expect(sites.map(({ name }) => name)).toEqual(['first', 'act', 'down']);
  });

  it.each(['', 'com.microsoft'])('knows the Attention operator of domain %j', (domain) => {
    const op = domain === '' ? 'Attention' : 'MultiHeadAttention';
    const { skipped } = findSites(
      source([...projections, node(op, ['q', 'k', 'v'], 'pv', {}, { domain }), linear('pv', 'o')]),
      activations,
    );
    expect(skipped.filter(({ reason }) => reason.startsWith('projection'))).toHaveLength(4);
  });
});

describe('what cannot be gated', () => {
  it.each([
    [DOUBLE, 'element type double: only float and float16 are gated'],
    [INT64, 'element type int64: only float and float16 are gated'],
    [16, 'element type bfloat16: only float and float16 are gated'],
  ])('elements of type %j', (type, reason) => {
    const { sites, skipped } = around([node('Relu', ['x'], 'a')], [], 20, type);
    expect(sites).toEqual([]);
    expect(skipped).toEqual([{ name: 'a', op: 'Relu', tensor: 'a', reason }]);
  });

  it('float16 can, and is told', () => {
    expect(around([node('Relu', ['x'], 'a')], [], 20, FLOAT16).sites[0]?.elementType).toBe('float16');
  });

  it('a type behind an operator that is not known', () => {
    const nodes = [node('Mystery', ['x'], 'm', {}, { domain: 'com.example' }), node('Relu', ['m'], 'a')];
    expect(around(nodes).skipped[0]?.reason).toBe('element type cannot be told');
  });

  it('opset 6', () => {
    expect(around([node('Relu', ['x'], 'a')], [], 6).skipped[0]?.reason).toBe(
      'opset 6: gates need opset 7 or later',
    );
    expect(around([node('Relu', ['x'], 'a')], [], 7).sites).toHaveLength(1);
  });

  it('an integer layer, and a model of nothing else: an empty list is the answer', () => {
    const source = model({
      nodes: [
        node('DynamicQuantizeLinear', ['x'], ['q', 'scale', 'zero']),
        node('MatMulInteger', ['q', 'w', 'zero'], 'h', {}, { name: 'fc' }),
        node('Relu', ['h'], 'a', {}, { name: 'act' }),
        node('Neg', ['a'], 'y'),
      ],
      inputs: [value('x', ['N', 2])],
      outputs: [value('y')],
      initializers: [tensor('w', [2, 2], [1, 2, 3, 4], UINT8)],
    });
    const { bytes, sites, skipped } = instrument(source);
    expect(sites).toEqual([]);
    expect(skipped.map(({ name, reason }) => `${name}: ${reason}`)).toEqual([
      'fc: integer arithmetic is not gated',
      'act: element type int32: only float and float16 are gated',
    ]);
    expect(bytes).toEqual(instrument(source, { gate: { kind: 'baked', thresholds: [] } }).bytes);
  });

  it('the body of an If, and functions of the model', () => {
    const body = graph({ nodes: [node('Relu', ['x'], 'b')], inputs: [], outputs: [value('b')] });
    const nodes = [
      node('If', ['flag'], 'c', { then_branch: body, else_branch: body }, { name: 'branch' }),
      node('Block', ['c'], 'a', {}, { domain: 'local', name: 'block' }),
    ];
    const source = model(
      {
        nodes: [...nodes, node('Neg', ['a'], 'y')],
        inputs: [value('x'), value('flag', [], 9)],
        outputs: [value('y')],
      },
      17,
      ['local'],
    );
    source.functions = [{ $typeName: 'onnx.FunctionProto', name: 'Block', domain: 'local' } as never];
    expect(findSites(source, activations)).toEqual({
      sites: [],
      skipped: [
        { name: 'branch', op: 'If', tensor: 'c', reason: 'the body of If is left as it is' },
        { name: 'block', op: 'Block', tensor: 'a', reason: "a function of the model's own is left as it is" },
      ],
    });
  });

  it('a model that is already instrumented', () => {
    const source = model({
      nodes: [node('Relu', ['x'], 'a'), node('Neg', ['a'], 'y')],
      inputs: [value('x')],
      outputs: [value('y')],
    });
    for (const options of [
      {},
      { taps: false },
      { gate: { kind: 'baked', thresholds: [1] } as const, taps: false },
    ]) {
      const { bytes } = instrument(source, options);
      expect(() => instrument(bytes)).toThrow(
        'taustat has already instrumented this model; expected the original',
      );
      expect(() => instrument(bytes)).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
    }
  });

  it('nodes that read from each other in a circle, or from themselves', () => {
    const circle = (nodes: GraphParts['nodes']): unknown =>
      findSites(model({ nodes, inputs: [value('x')], outputs: [value('y')] }), activations);
    const message = "node 'first': its input depends on its own output";
    const first = node('Transpose', ['b'], 'a', {}, { name: 'first' });
    expect(() => circle([first, node('Relu', ['a'], 'b'), node('Neg', ['b'], 'y')])).toThrow(message);
    const itself = node('Transpose', ['a'], 'a', {}, { name: 'first' });
    expect(() => circle([itself, node('MatMul', ['a', 'a'], 'y')])).toThrow(message);
    expect(() => circle([itself])).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
  });

  it('a recurrent layer', () => {
    const nodes = [node('LSTM', ['x', 'w', 'w'], ['a'], {}, { name: 'lstm' })];
    expect(around(nodes).skipped).toEqual([
      { name: 'lstm', op: 'LSTM', tensor: 'a', reason: 'a recurrent layer is left as it is' },
    ]);
  });

  it('a graph in which two nodes make one tensor', () => {
    const source = model({
      nodes: [node('Relu', ['x'], 'a'), node('Neg', ['x'], 'a')],
      inputs: [value('x')],
      outputs: [value('a')],
    });
    expect(() => findSites(source, activations)).toThrow("tensor 'a': made by two nodes; expected one");
  });
});

it('a file whose nodes are out of order has the sites of one in order', () => {
  const nodes = [
    node('Gemm', ['x', 'w'], 'h'),
    node('Relu', ['h'], 'a'),
    node('Gemm', ['a', 'w'], 'b'),
    node('Neg', ['b'], 'y'),
  ];
  const listed = (order: GraphParts['nodes']): string[] =>
    findSites(
      model({
        nodes: order,
        inputs: [value('x', ['N', 2])],
        outputs: [value('y')],
        initializers: [tensor('w', [2, 2], [1, 2, 3, 4])],
      }),
      activations,
    ).sites.map((site) => site.tensor);
  expect(listed(nodes)).toEqual(['a', 'b']);
  expect(listed(nodes.toReversed())).toEqual(['a', 'b']);
});

describe('names', () => {
  const chain = model({
    nodes: [
      node('Relu', ['x'], 'a', {}, { name: '/layer1/relu' }),
      node('Tanh', ['a'], 'b', {}, { name: '/layer2/tanh' }),
      node('Elu', ['b'], 'c'),
      node('Selu', ['c'], 'd', {}, { name: '/layer1/relu' }),
      node('Neg', ['d'], 'y'),
    ],
    inputs: [value('x')],
    outputs: [value('y')],
  });
  const named = (options: Partial<SiteOptions>): string[] =>
    findSites(chain, { ...activations, ...options }).sites.map(({ index, name }) => `${index} ${name}`);

  it('are those of the nodes, else of the tensors, each one once', () => {
    expect(named({})).toEqual(['0 /layer1/relu', '1 /layer2/tanh', '2 c', '3 /layer1/relu#2']);
  });

  it('are chosen by include and exclude, and the indices stay dense', () => {
    expect(named({ include: ['/layer1/*', 'c'] })).toEqual(['0 /layer1/relu', '1 c', '2 /layer1/relu#2']);
    expect(named({ exclude: ['/layer1/*'] })).toEqual(['0 /layer2/tanh', '1 c']);
    expect(named({ include: ['/*'], exclude: ['*tanh'] })).toEqual(['0 /layer1/relu', '1 /layer1/relu#2']);
  });

  it('that are left out say why', () => {
    const { skipped } = findSites(chain, { ...activations, include: ['/*'], exclude: ['*tanh'] });
    expect(skipped.map(({ name, reason }) => `${name}: ${reason}`)).toEqual([
      "/layer2/tanh: excluded by '*tanh'",
      'c: not included',
    ]);
  });
});
