import type { NodeProto } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { findSites } from '../../src/onnx/sites.ts';
import { DOUBLE, FLOAT, FLOAT16, INT64, model, node, tensor, value } from './models.ts';

const CONSTANTS = {
  half: 0.5,
  one: 1,
  two: 2,
  three: 3,
  six: 6,
  sixth: 1 / 6,
  zero: 0,
  root2: Math.SQRT2,
  invRoot2: Math.SQRT1_2,
  rootTwoOverPi: Math.sqrt(2 / Math.PI),
  cubic: 0.044715,
  quick: 1.702,
};

function sitesOf(nodes: readonly NodeProto[], type: number = FLOAT): ReturnType<typeof findSites> {
  const source = model({
    nodes: [
      node('MatMul', ['in', 'w'], 'm'),
      node('Add', ['m', 'w'], 'x', {}, { name: 'bias' }),
      ...nodes,
      node('Neg', ['y'], 'out'),
    ],
    inputs: [value('in', ['N', 4], type)],
    outputs: [value('out', ['N', 4], type)],
    initializers: [
      tensor('w', [4], [1, 1, 1, 1], type),
      ...Object.entries(CONSTANTS).map(([name, constant]) => tensor(name, [], [constant], type)),
    ],
  });
  return findSites(source, { scheme: 'activations' });
}

/** An expression such as `Mul(x, Sigmoid(x))` as nodes; equal parts are one node. The whole is named y. */
function spell(text: string): NodeProto[] {
  const nodes: NodeProto[] = [];
  const made = new Map<string, string>();
  const tokens = text.match(/\w+|[(),]/g) ?? [];
  let at = 0;
  const parse = (isWhole: boolean): string => {
    const start = at;
    const name = tokens[at++] ?? '';
    if (tokens[at] !== '(') return name;
    const inputs: string[] = [];
    do {
      at++;
      inputs.push(parse(false));
    } while (tokens[at] === ',');
    at++;
    const key = tokens.slice(start, at).join('');
    const known = made.get(key);
    if (known !== undefined) return known;
    const output = isWhole ? 'y' : `t${nodes.length}`;
    made.set(key, output);
    nodes.push(node(name, inputs, output, {}, { name: isWhole ? 'last' : output }));
    return output;
  };
  parse(true);
  return nodes;
}

/** Where each of them stands still below zero. */
const POLES: Readonly<Record<string, number>> = {
  Gelu: 0.17,
  Silu: 0.2785,
  QuickGelu: 0.1636,
  HardSwish: 0.375,
  Mish: 0.3088,
};

const gate = 'Add(Erf(Div(x, root2)), one)';
const inner = 'Mul(rootTwoOverPi, Add(x, Mul(cubic, Pow(x, three))))';
const SPELLINGS: readonly (readonly [string, string])[] = [
  ['Gelu', `Mul(Mul(x, ${gate}), half)`],
  ['Gelu', `Mul(Mul(x, half), ${gate})`],
  ['Gelu', `Mul(x, Mul(${gate}, half))`],
  ['Gelu', `Mul(half, Mul(Add(one, Erf(Mul(x, invRoot2))), x))`],
  ['Gelu', `Div(Mul(x, ${gate}), two)`],
  ['Gelu', 'Mul(x, Add(half, Mul(half, Erf(Mul(invRoot2, x)))))'],
  ['Gelu', 'Add(Mul(Mul(x, half), Erf(Div(x, root2))), Mul(x, half))'],
  ['Gelu', `Mul(Mul(half, x), Add(one, Tanh(${inner})))`],
  ['Gelu', `Mul(x, Mul(half, Add(Tanh(${inner}), one)))`],
  ['Gelu', 'Mul(Mul(half, x), Add(Tanh(Mul(Mul(x, rootTwoOverPi), Add(Mul(Mul(cubic, x), x), one))), one))'],
  ['Gelu', 'Mul(Mul(half, x), Add(Tanh(Mul(rootTwoOverPi, Add(Mul(cubic, Mul(x, Mul(x, x))), x))), one))'],
  ['Silu', 'Mul(x, Sigmoid(x))'],
  ['Silu', 'Mul(Sigmoid(x), x)'],
  ['Silu', 'Div(x, Add(one, Exp(Neg(x))))'],
  ['Silu', 'Mul(x, Reciprocal(Add(Exp(Neg(x)), one)))'],
  ['QuickGelu', 'Mul(x, Sigmoid(Mul(quick, x)))'],
  ['HardSwish', 'Mul(x, Div(Clip(Add(x, three), zero, six), six))'],
  ['HardSwish', 'Div(Mul(x, Clip(Add(x, three), zero, six)), six)'],
  ['HardSwish', 'Mul(Mul(Clip(Add(three, x), zero, six), x), sixth)'],
  ['HardSwish', 'Div(Mul(x, Min(Relu(Add(x, three)), six)), six)'],
  ['Mish', 'Mul(x, Tanh(Softplus(x)))'],
  ['Mish', 'Mul(x, Tanh(Log(Add(one, Exp(x)))))'],
];

describe('a nonlinearity written out in arithmetic', () => {
  it.each(SPELLINGS)('%s: %s is one site', (op, text) => {
    const { sites, skipped } = sitesOf(spell(text));
    const pole = expect.closeTo(POLES[op]!, 4);
    expect(sites).toMatchObject([{ name: 'last', op, tensor: 'y', isNonNegative: false, pole }]);
    expect(skipped).toMatchObject([{ tensor: 'x', reason: 'feeds a nonlinearity' }]);
  });

  it.each(SPELLINGS)('%s with float16 constants: %s', (op, text) => {
    expect(sitesOf(spell(text), FLOAT16).sites).toMatchObject([{ op, elementType: 'float16' }]);
  });

  it('HardSwish by HardSigmoid', () => {
    const nodes = [
      node('HardSigmoid', ['x'], 's', { alpha: 1 / 6, beta: 0.5 }),
      node('Mul', ['x', 's'], 'y'),
    ];
    expect(sitesOf(nodes).sites).toMatchObject([{ op: 'HardSwish', pole: 0.375 }]);
  });

  it('constants of other types, from Constant nodes, raw bytes and casts', () => {
    const raw = tensor('', [1], []);
    raw.floatData = [];
    raw.rawData = new Uint8Array(Float32Array.of(Math.SQRT1_2).buffer);
    const { sites } = sitesOf([
      node('Constant', [], 'c', { value: raw }),
      node('Constant', [], 'd', { value: tensor('', [], [1], DOUBLE) }),
      node('Cast', ['d'], 'e', { to: BigInt(FLOAT) }),
      node('Constant', [], 'f', { value_float: 0.5 }),
      ...spell('Mul(Mul(x, Add(Erf(Mul(x, c)), e)), f)'),
    ]);
    expect(sites).toMatchObject([{ op: 'Gelu' }]);
  });

  it('the exponent as an integer', () => {
    const { sites } = sitesOf([
      node('Constant', [], 'p', { value: tensor('', [], [3], INT64) }),
      ...spell(`Mul(Mul(half, x), Add(one, Tanh(${inner.replace('three', 'p')})))`),
    ]);
    expect(sites).toMatchObject([{ op: 'Gelu' }]);
  });

  it('two of them in a row are two sites', () => {
    const second = spell('Mul(z, Sigmoid(z))').map((each) => ({
      ...each,
      output: each.output.map((t) => `${t}2`),
    }));
    const [sigmoid, product] = second;
    if (sigmoid === undefined || product === undefined) throw new Error('two nodes');
    product.input = ['z', sigmoid.output[0] as string];
    product.output = ['y'];
    const first = spell('Mul(x, Sigmoid(x))');
    (first[1] as NodeProto).output = ['z'];
    const { sites } = sitesOf([...first, ...second]);
    expect(sites.map(({ op, tensor: at }) => `${op} ${at}`)).toEqual(['Silu z', 'Silu y']);
  });
});

describe('what only looks like one', () => {
  it.each([
    ['another factor', 'Mul(x, Sigmoid(Mul(x, three)))'],
    ['an erf that is not a Gelu', 'Mul(x, Add(Erf(x), one))'],
    ['a tanh of something', 'Mul(x, Add(Tanh(Mul(half, x)), one))'],
    ['half of it missing', `Mul(x, ${gate})`],
  ])('%s is no decomposition', (_, text) => {
    expect(sitesOf(spell(text)).sites.filter(({ tensor: at }) => at === 'y')).toEqual([]);
  });

  it('a product with the sigmoid of another tensor is a gate, not a Silu', () => {
    const { sites, skipped } = sitesOf([
      node('Neg', ['in'], 'other'),
      node('Sigmoid', ['other'], 's', {}, { name: 's' }),
      node('Mul', ['x', 's'], 'y'),
    ]);
    expect(sites.map(({ tensor: at }) => at)).toEqual(['x']);
    expect(skipped).toEqual([
      { name: 's', op: 'Sigmoid', tensor: 's', reason: 'a factor of another activation' },
    ]);
  });

  it('a weight of many elements is no constant', () => {
    expect(sitesOf(spell('Mul(x, Sigmoid(Mul(w, x)))')).sites.map(({ op }) => op)).not.toContain('Silu');
  });

  it('a deep diamond is given up at once', () => {
    const nodes = [node('Sigmoid', ['x'], 'd0')];
    for (let i = 0; i < 60; i++) nodes.push(node('Add', [`d${i}`, `d${i}`], `d${i + 1}`));
    nodes.push(node('Mul', ['x', 'd60'], 'y'));
    expect(sitesOf(nodes).sites.map(({ op }) => op)).toEqual(['Sigmoid']);
  });
});
