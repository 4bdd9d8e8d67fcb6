import { toBinary } from '@bufbuild/protobuf';
import { AttributeProtoSchema, type ModelProto } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { SITE_SCHEMES } from '../../src/config/site-schemes.ts';
import { instrument } from '../../src/onnx/instrument.ts';
import { decodeModel, encodeModel } from '../../src/onnx/model-file.ts';
import { BOOL, FLOAT16, graph, halfBits, INT64, model, node, tensor, value } from './models.ts';
import { ort } from './ort.ts';
import { floats, numbers, prune, prunedOutputs, run, thresholds } from './reference.ts';

const w = [0.9, -0.4, 0.3, 0.7, -0.8, 0.2, 0.1, 0.5, -0.6];
const x = floats([0.5, -1, 2, 1.5, 0.25, -0.75], [2, 3]);

/** x → Gemm → one op → Gemm → y, 3 wide. */
function perceptron(op: string, opset: number, extra: readonly string[] = []): ModelProto {
  return model(
    {
      nodes: [
        node('Gemm', ['x', 'w', 'b'], 'h'),
        node(op, ['h', ...extra], 'a'),
        node('Gemm', ['a', 'w', 'b'], 'y'),
      ],
      inputs: [value('x', ['N', 3])],
      outputs: [value('y', ['N', 3])],
      initializers: [
        tensor('w', [3, 3], w),
        tensor('b', [3], [0.1, -0.2, 0.3]),
        ...(extra.length > 0 ? [tensor('zero', [], [0]), tensor('six', [], [6])] : []),
      ],
    },
    opset,
  );
}

function expectClose(actual: readonly number[], expected: readonly number[], relative = 1e-6): void {
  expect(actual).toHaveLength(expected.length);
  const scale = Math.max(...expected.map(Math.abs));
  for (const [i, e] of expected.entries())
    expect(Math.abs((actual[i] ?? NaN) - e)).toBeLessThanOrEqual(relative * scale);
}

describe.each([7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22])('opset %d', (opset) => {
  const ops: readonly (readonly [string, readonly string[]])[] = [
    ['Relu', []],
    ['LeakyRelu', []],
    ['Tanh', []],
    ['Softplus', []],
    ...(opset >= 11 ? ([['Clip', ['zero', 'six']]] as const) : []),
    ...(opset >= 14 ? ([['HardSwish', []]] as const) : []),
    ...(opset >= 18 ? ([['Mish', []]] as const) : []),
    ...(opset >= 20 ? ([['Gelu', []]] as const) : []),
  ];

  it.each(ops)('%s: the dense answer at 0, the pruned one at 0.7, live and baked', async (op, extra) => {
    const source = perceptron(op, opset, extra);
    const { bytes, sites } = instrument(source);
    expect(sites.map((site) => site.tensor)).toEqual(['a']);
    const dense = numbers((await run(source, { x })).y);
    const open = await run(bytes, { x, taustat_threshold: thresholds(1, 0) });
    expectClose(numbers(open.y), dense);

    const expected = (await prunedOutputs(source, ['a'], 0.7, { x })).y ?? [];
    expect(expected).not.toEqual(dense);
    const live = await run(bytes, { x, taustat_threshold: thresholds(1, 0.7) });
    expectClose(numbers(live.y), expected);
    expect(numbers(live.taustat_tap_0)).toEqual(numbers(open.taustat_tap_0));

    const baked = instrument(source, { gate: { kind: 'baked', thresholds: [0.7] } }).bytes;
    expectClose(numbers((await run(baked, { x })).y), expected);
  });
});

describe('what is added', () => {
  const source = perceptron('Relu', 17);

  it('is one input with a place per site and one output per site, of known rank', () => {
    const { graph: after } = decodeModel(instrument(source).bytes);
    expect(after.input.map(({ name }) => name)).toEqual(['x', 'taustat_threshold']);
    expect(after.output.map(({ name }) => name)).toEqual(['y', 'taustat_tap_0']);
    const shapes = [after.input[1], after.output[1]].map((info) =>
      info?.type?.value.case === 'tensorType'
        ? info.type.value.value.shape?.dim.map(({ value: size }) => size.value)
        : [],
    );
    expect(shapes).toEqual([[1n], [undefined, undefined]]);
  });

  it('compares directly from opset 12 on, and by what is not less before', () => {
    const added = (opset: number): string[] =>
      decodeModel(instrument(perceptron('Tanh', opset)).bytes)
        .graph.node.map(({ opType }) => opType)
        .slice(3, -1);
    expect(added(12)).toEqual(['Abs', 'GreaterOrEqual', 'Cast', 'Mul']);
    expect(added(11)).toEqual(['Abs', 'Less', 'Not', 'Cast', 'Mul']);
    const { node: nodes } = decodeModel(instrument(perceptron('Relu', 12)).bytes).graph;
    expect(nodes.map(({ opType }) => opType)).not.toContain('Abs');
  });

  it('is no output without taps, and no input with baked thresholds', async () => {
    const { bytes } = instrument(source, { taps: false, gate: { kind: 'baked', thresholds: [0.7] } });
    const { graph: after } = decodeModel(bytes);
    expect(after.input.map(({ name }) => name)).toEqual(['x']);
    expect(after.output.map(({ name }) => name)).toEqual(['y']);
    expectClose(
      numbers((await run(bytes, { x })).y),
      (await prunedOutputs(source, ['a'], 0.7, { x })).y ?? [],
    );
  });

  it('is nothing at a baked threshold of 0, but for the tap', async () => {
    const zero = { kind: 'baked', thresholds: [0] } as const;
    expect(instrument(source, { taps: false, gate: zero }).bytes).toEqual(encodeModel(source));
    const tapped = instrument(source, { gate: zero }).bytes;
    expect(decodeModel(tapped).graph.node.map(({ opType }) => opType)).toEqual([
      'Gemm',
      'Relu',
      'Identity',
      'Gemm',
    ]);
    const found = await run(tapped, { x });
    expect(numbers(found.y)).toEqual(numbers((await run(source, { x })).y));
    expect(found.taustat_tap_0?.dims).toEqual([2, 3]);
  });

  it('leaves the given model as it was', () => {
    const before = encodeModel(source);
    instrument(source);
    instrument(source, { scheme: 'linear-inputs' });
    expect(encodeModel(source)).toEqual(before);
  });

  it('has unique names', () => {
    for (const scheme of SITE_SCHEMES) {
      const { node: nodes } = decodeModel(instrument(source, { scheme }).bytes).graph;
      const outputs = nodes.flatMap(({ output }) => output);
      const names = nodes.map(({ name }) => name).filter((name) => name !== '');
      expect(new Set(outputs).size).toBe(outputs.length);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  it.each([
    [[], 'baked thresholds: 0 values; expected one for each of the 1 sites'],
    [[1, 2], 'baked thresholds: 2 values; expected one for each of the 1 sites'],
    [[-0.5], 'baked threshold 0: -0.5; expected a number ≥ 0'],
    [[Number.NaN], 'baked threshold 0: NaN; expected a number ≥ 0'],
  ])('is refused for the baked thresholds %j', (values, message) => {
    const write = (): unknown => instrument(source, { gate: { kind: 'baked', thresholds: values } });
    expect(write).toThrow(message);
    expect(write).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});

describe('a graph with more than one path', () => {
  it('gives every reader of a site the gated tensor', async () => {
    const source = model({
      nodes: [
        node('Gemm', ['x', 'w'], 'h'),
        node('Elu', ['h'], 'a'),
        node('Gemm', ['a', 'w'], 'b'),
        node('Add', ['a', 'b'], 'c'),
        node('Mul', ['c', 'a'], 'y'),
      ],
      inputs: [value('x', ['N', 3])],
      outputs: [value('y', ['N', 3])],
      initializers: [tensor('w', [3, 3], w)],
    });
    const { bytes, sites } = instrument(source);
    expect(sites.map((site) => site.tensor)).toEqual(['a', 'b']);
    const found = await run(bytes, { x, taustat_threshold: thresholds(2, 0.5) });
    const expected = await prunedOutputs(source, ['a', 'b'], 0.5, { x });
    expectClose(numbers(found.y), expected.y ?? []);
    const one = await run(bytes, { x, taustat_threshold: floats([0.5, 0], [2]) });
    expectClose(numbers(one.y), (await prunedOutputs(source, ['a'], 0.5, { x })).y ?? []);
  });

  it('prunes what the bodies of If and Loop capture, and leaves the bodies byte for byte', async () => {
    const branch = (op: string): ReturnType<typeof graph> =>
      graph({
        nodes: [node(op, ['a'], `${op}_out`), node('Relu', [`${op}_out`], 'r')],
        inputs: [],
        outputs: [value('r')],
      });
    const loop = graph({
      nodes: [node('Identity', ['go'], 'go_on'), node('Add', ['state', 'a'], 'next')],
      inputs: [value('i', [], INT64), value('go', [], BOOL), value('state')],
      outputs: [value('go_on', [], BOOL), value('next')],
    });
    const source = model({
      nodes: [
        node('Tanh', ['x'], 'a'),
        node('If', ['flag'], 'chosen', { then_branch: branch('Neg'), else_branch: branch('Exp') }),
        node('Loop', ['count', '', 'chosen'], 'total', { body: loop }),
        node('Neg', ['total'], 'y'),
      ],
      inputs: [value('x', ['N', 3]), value('flag', [], BOOL)],
      outputs: [value('y')],
      initializers: [tensor('count', [], [3], INT64)],
    });
    const { bytes, sites, skipped } = instrument(source);
    expect(sites.map((site) => site.tensor)).toEqual(['a']);
    expect(skipped.map(({ op }) => op)).toEqual(['If', 'Loop']);
    const bodies = ({ graph: g }: ModelProto): string[] =>
      (g?.node ?? [])
        .filter(({ opType }) => opType === 'If' || opType === 'Loop')
        .flatMap(({ attribute }) => attribute)
        .map((each) => Buffer.from(toBinary(AttributeProtoSchema, each)).toString('hex'));
    expect(bodies(decodeModel(bytes))).toEqual(bodies(source));
    expect(bodies(source)).toHaveLength(3);

    const flag = new ort.Tensor('bool', Uint8Array.of(1), []);
    const found = await run(bytes, { x, flag, taustat_threshold: thresholds(1, 0.5) });
    const a = prune(numbers(found.taustat_tap_0), 0.5);
    expectClose(
      numbers(found.y),
      a.map((v) => -(Math.max(0, -v) + 3 * v)),
    );
    expect(a.filter((v) => v === 0).length).toBe(2);
  });
});

describe('linear-inputs', () => {
  const source = model({
    nodes: [
      node('Gemm', ['x', 'w'], 'h', {}, { name: 'first' }),
      node('MatMul', ['x', 'w'], 'g', {}, { name: 'second' }),
      node('Relu', ['h'], 'a'),
      node('MatMul', ['a', 'w'], 'b', {}, { name: 'third' }),
      node('Add', ['b', 'a'], 'c'),
      node('Mul', ['c', 'g'], 'y'),
    ],
    inputs: [value('x', ['N', 3])],
    outputs: [value('y', ['N', 3]), value('a', ['N', 3])],
    initializers: [tensor('w', [3, 3], w)],
  });

  it('is one site for each tensor that linear layers read, inputs and outputs of the graph too', () => {
    const { sites, skipped } = instrument(source, { scheme: 'linear-inputs' });
    expect(sites.map(({ name, op, tensor: at, isNonNegative }) => [name, op, at, isNonNegative])).toEqual([
      ['first', 'Gemm (graph input)', 'x', false],
      ['third', 'MatMul', 'a', true],
    ]);
    expect(skipped).toEqual([]);
  });

  it.each(['input', 'baked'] as const)(
    'prunes what the layers read and nothing else, by %s',
    async (kind) => {
      const gate = kind === 'input' ? { kind } : { kind, thresholds: [0.6, 0.4] };
      const { bytes } = instrument(source, { scheme: 'linear-inputs', gate });
      const live = kind === 'input' ? { taustat_threshold: floats([0.6, 0.4], [2]) } : {};
      const found = await run(bytes, { x, ...live });

      const times = (rows: readonly number[]): number[] =>
        rows.map((_, i) =>
          [0, 1, 2].reduce((sum, k) => sum + (rows[i - (i % 3) + k] ?? 0) * (w[3 * k + (i % 3)] ?? 0), 0),
        );
      const values = numbers(x);
      const g = times(prune(values, 0.6));
      const a = g.map((v) => Math.max(0, v));
      const b = times(prune(a, 0.4));
      expectClose(numbers(found.a), a);
      expectClose(
        numbers(found.y),
        b.map((v, i) => (v + (a[i] ?? 0)) * (g[i] ?? 0)),
      );
      expect(numbers(found.taustat_tap_0)).toEqual(values);
      expect(numbers(found.taustat_tap_1)).toEqual(numbers(found.a));
    },
  );

  it('at 0 is the dense model', async () => {
    const { bytes } = instrument(source, { scheme: 'linear-inputs' });
    const open = await run(bytes, { x, taustat_threshold: thresholds(2, 0) });
    expectClose(numbers(open.y), numbers((await run(source, { x })).y));
  });

  it('sees that pooling and reshaping keep a sign', () => {
    const conv = model({
      nodes: [
        node('Conv', ['x', 'k'], 'c', { kernel_shape: [1n, 1n] }),
        node('Relu', ['c'], 'r'),
        node('MaxPool', ['r'], 'p', { kernel_shape: [2n, 2n] }),
        node('Flatten', ['p'], 'f'),
        node('Gemm', ['f', 'w'], 'y'),
      ],
      inputs: [value('x', ['N', 1, 4, 4])],
      outputs: [value('y')],
      initializers: [tensor('k', [1, 1, 1, 1], [1]), tensor('w', [9, 1], new Array(9).fill(1))],
    });
    const { sites } = instrument(conv, { scheme: 'linear-inputs' });
    expect(sites.map(({ tensor: at, isNonNegative }) => [at, isNonNegative])).toEqual([
      ['x', false],
      ['f', true],
    ]);
  });
});

describe('other models', () => {
  it('float16: the dense answer at 0', async () => {
    const source = model({
      nodes: [node('MatMul', ['x', 'w'], 'h'), node('Relu', ['h'], 'a'), node('MatMul', ['a', 'w'], 'y')],
      inputs: [value('x', ['N', 2], FLOAT16)],
      outputs: [value('y', ['N', 2], FLOAT16)],
      initializers: [tensor('w', [2, 2], [1, 0.5, -0.25, 2], FLOAT16)],
    });
    const { bytes, sites } = instrument(source);
    expect(sites.map(({ elementType }) => elementType)).toEqual(['float16']);
    const half = new ort.Tensor('float16', Uint16Array.from([1, 2, -3, 4].map(halfBits)), [2, 2]);
    const bits = ({ y }: Awaited<ReturnType<typeof run>>): number[] =>
      Array.from(y?.data as unknown as Uint16Array);
    const dense = bits(await run(source, { x: half }));
    expect(bits(await run(bytes, { x: half, taustat_threshold: thresholds(1, 0) }))).toEqual(dense);
    // h = [0.5, 4.5; -4, 6.5]: at 1 the 0.5 goes, at 5 the 4.5 too
    const at = async (t: number): Promise<number[]> =>
      bits(await run(bytes, { x: half, taustat_threshold: thresholds(1, t) }));
    expect(await at(1)).toEqual([-1.125, 9, -1.625, 13].map(halfBits));
    expect(await at(5)).toEqual([0, 0, -1.625, 13].map(halfBits));
  });

  it('version 3 of the format, with initializers among the inputs', async () => {
    const source = perceptron('Relu', 7);
    source.irVersion = 3n;
    source.graph?.input.push(value('w', [3, 3]), value('b', [3]));
    const { bytes } = instrument(source);
    const found = await run(bytes, { x, taustat_threshold: thresholds(1, 0.7) });
    expectClose(numbers(found.y), (await prunedOutputs(source, ['a'], 0.7, { x })).y ?? []);
  });

  it('a model without a site comes back as it was, without an input for thresholds', () => {
    const source = model({ nodes: [node('Neg', ['x'], 'y')], inputs: [value('x')], outputs: [value('y')] });
    expect(instrument(source)).toEqual({ bytes: encodeModel(source), sites: [], skipped: [] });
  });
});
