import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactStep } from '../../src/onnx/gate.ts';
import { instrument } from '../../src/onnx/instrument.ts';
import { FLOAT16, halfBits, model, node, tensor, value } from './models.ts';
import { ort } from './ort.ts';
import * as reference from './reference.ts';

const { floats, numbers, run } = reference;
const f = Math.fround;

function neighbour(x: number, step: 1 | -1): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, x);
  view.setUint32(0, view.getUint32(0) + step);
  return view.getFloat32(0);
}

const threshold = fc.float({ min: f(1e-30), max: f(1e30), noNaN: true });

describe('exactStep', () => {
  /** clip(αx + β, 0, 1) in float32, product and sum rounded apart; `fused`: rounded once. */
  const step = ({ alpha, beta }: { alpha: number; beta: number }, x: number, fused: boolean): number => {
    const product = fused ? alpha * x : f(alpha * x);
    return Math.min(1, Math.max(0, f(product + beta)));
  };

  it('is 1 at the threshold and 0 one float below, rounded once or twice', () => {
    fc.assert(
      fc.property(threshold, fc.boolean(), (t, fused) => {
        const found = exactStep(t);
        if (found === undefined) throw new Error('expected a step');
        expect(f(found.alpha)).toBe(found.alpha);
        expect(f(found.beta)).toBe(found.beta);
        expect(step(found, t, fused)).toBe(1);
        expect(step(found, neighbour(t, -1), fused)).toBe(0);
        expect(step(found, neighbour(t, 1), fused)).toBe(1);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is 0 or 1 everywhere, as the comparison is', () => {
    fc.assert(
      fc.property(threshold, fc.float({ min: 0, noNaN: true }), (t, x) => {
        const found = exactStep(t);
        if (found === undefined) throw new Error('expected a step');
        expect(step(found, x, false)).toBe(x >= t ? 1 : 0);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    [1, 2 ** 24, 1 - 2 ** 24],
    [1.5, 2 ** 23, 1 - 1.5 * 2 ** 23],
    [0.25, 2 ** 26, 1 - 2 ** 24],
  ])('for %d has α = %d and β = %d', (t, alpha, beta) => {
    expect(exactStep(t)).toEqual({ alpha, beta });
  });

  it('does not exist where α would overflow, or the threshold is infinite', () => {
    expect(exactStep(2 ** -110)).toBeUndefined();
    expect(exactStep(1e-45)).toBeUndefined();
    expect(exactStep(Number.POSITIVE_INFINITY)).toBeUndefined();
    expect(exactStep(2 ** -100)).toBeDefined();
  });
});

const SPECIAL = [
  0,
  -0,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  3.4e38,
  -3.4e38,
  1e-45,
];

/** One site: op(x), and what passes its gate. */
async function gated(
  op: 'Relu' | 'LeakyRelu',
  values: readonly number[],
  t: number,
  kind: 'input' | 'baked',
  opset: number,
): Promise<{ before: number[]; after: number[] }> {
  const source = model(
    {
      nodes: [node(op, ['x'], 'a'), node('Abs', ['a'], 'magnitude'), node('Neg', ['a'], 'y')],
      inputs: [value('x', ['N'])],
      outputs: [value('y', ['N']), value('magnitude', ['N'])],
    },
    opset,
  );
  const { bytes, sites } = instrument(source, {
    gate: kind === 'input' ? { kind } : { kind, thresholds: [t] },
  });
  expect(sites).toHaveLength(1);
  const live = kind === 'input' ? { taustat_threshold: reference.thresholds(1, t) } : {};
  const found = await run(bytes, { x: floats(values, [values.length]), ...live });
  return { before: numbers(found.taustat_tap_0), after: numbers(found.y).map((a) => -a) };
}

describe.each([
  ['input', 11],
  ['input', 17],
  ['baked', 11],
  ['baked', 17],
] as const)('a gate by %s at opset %d', (kind, opset) => {
  it.each([
    ['Relu', 0.3],
    ['Relu', 1],
    ['Relu', 1.7e-30],
    ['Relu', 2 ** -120],
    ['LeakyRelu', 0.3],
    ['LeakyRelu', 1.7e-30],
  ] as const)(
    'after %s keeps what is at %d or above, ties too, and every NaN and infinity',
    async (op, t) => {
      const at = f(t);
      const near = [at, neighbour(at, -1), neighbour(at, 1), at / 2, at * 2];
      const values = [...SPECIAL, ...near, ...near.map((x) => -x), ...near.map((x) => -100 * x)];
      const { before, after } = await gated(op, values, t, kind, opset);
      const expected = before.map((a) => (Math.abs(a) < at ? 0 : a));
      expect(after.map((a) => a + 0)).toEqual(expected.map((a) => a + 0));
      expect(after.filter(Number.isNaN).length).toBe(1);
      expect(after).toContain(Number.POSITIVE_INFINITY);
      expect(after).toContain(at);
      expect(before.some((a, i) => a !== 0 && after[i] === 0)).toBe(true);
    },
  );

  it('at an infinite threshold keeps nothing finite', async () => {
    const { after } = await gated(
      'LeakyRelu',
      [1, 3e38, Number.POSITIVE_INFINITY],
      Number.POSITIVE_INFINITY,
      kind,
      opset,
    );
    expect(after).toEqual([0, 0, Number.POSITIVE_INFINITY]);
  });

  it('at 0 changes nothing', async () => {
    const { before, after } = await gated('LeakyRelu', SPECIAL.slice(0, 5), 0, kind, opset);
    expect(after).toEqual(before);
  });
});

describe('a baked gate between convolutions, in their blocked layout', () => {
  it.each([0.3, 1, Math.SQRT1_2])('keeps ties at %d and drops the float below', async (t) => {
    const channels = 16;
    const identity = Array.from({ length: channels ** 2 }, (_, i) => (i % (channels + 1) === 0 ? 1 : 0));
    const source = model({
      nodes: [
        node('Conv', ['x', 'k'], 'c'),
        node('Relu', ['c'], 'a'),
        node('Conv', ['a', 'k'], 'd'),
        node('Neg', ['d'], 'y'),
      ],
      inputs: [value('x', [1, channels, 2, 2])],
      outputs: [value('y', [1, channels, 2, 2])],
      initializers: [tensor('k', [channels, channels, 1, 1], identity)],
    });
    const { bytes } = instrument(source, { taps: false, gate: { kind: 'baked', thresholds: [t] } });
    const cycle = [f(t), neighbour(f(t), -1), neighbour(f(t), 1), 0, -1, 1e30, t / 2];
    const values = Array.from({ length: 4 * channels }, (_, i) => f(cycle[i % cycle.length] ?? 0));
    const { y } = await run(bytes, { x: floats(values, [1, channels, 2, 2]) });
    const expected = values.map((a) => (a >= f(t) ? a : 0));
    expect(numbers(y).map((a) => 0 - a)).toEqual(expected);
  });
});

describe('a float16 gate', () => {
  it.each(['input', 'baked'] as const)(
    'by %s cuts at the threshold itself, not at its float16 rounding',
    async (kind) => {
      const source = model({
        nodes: [node('LeakyRelu', ['x'], 'a'), node('Neg', ['a'], 'y')],
        inputs: [value('x', ['N'], FLOAT16)],
        outputs: [value('y', ['N'], FLOAT16)],
      });
      const below = 1 + 1 / 1024;
      const t = below + 1 / 4096;
      const { bytes } = instrument(source, { gate: kind === 'input' ? { kind } : { kind, thresholds: [t] } });
      const values = [below, below + 1 / 1024, 1, 2, 0.5, -1, -200, Number.NaN, Number.POSITIVE_INFINITY];
      const x = new ort.Tensor('float16', Uint16Array.from(values.map(halfBits)), [values.length]);
      const live = kind === 'input' ? { taustat_threshold: reference.thresholds(1, t) } : {};
      const { y, taustat_tap_0: tap } = await run(bytes, { x, ...live });
      const kept = Array.from(y?.data as unknown as Uint16Array, (bits) => (bits & 0x7fff) !== 0);
      expect(kept).toEqual([false, true, false, true, false, false, true, true, true]);
      expect(tap?.type).toBe('float16');
    },
  );
});
