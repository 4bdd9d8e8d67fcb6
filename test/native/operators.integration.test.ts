import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binned } from '../../src/estimator/binning.ts';
import { histogramsOf } from '../../src/runtime/local/native/histogram-output.ts';
import { model, node, tensor, value } from '../onnx/models.ts';
import { availableKernels, bytesOf, type Floats, nativeFloats, nativeRun, openedAddon } from './opened.ts';
import { checkConv, checkMatMul, convShapes, matMulShapes, randomOf } from './sparse-law.ts';

const DOMAIN = { domain: 'ai.taustat' };
const SHAPES = 150;

const sameBytes = (a: Float64Array, b: Float64Array): boolean =>
  Buffer.compare(
    Buffer.from(a.buffer, a.byteOffset, a.byteLength),
    Buffer.from(b.buffer, b.byteOffset, b.byteLength),
  ) === 0;

describe.each(availableKernels())('kernels %s', (kernels) => {
  it('convolve the gated input as ONNX Runtime does', async () => {
    await fc.assert(
      fc.asyncProperty(convShapes, (shape) => checkConv(kernels, shape)),
      { numRuns: SHAPES },
    );
  });

  it('multiply the gated input as ONNX Runtime does', async () => {
    await fc.assert(
      fc.asyncProperty(matMulShapes, (shape) => checkMatMul(kernels, shape)),
      { numRuns: SHAPES },
    );
  });

  it('pool in the bordered layout', () => {
    const addon = openedAddon(kernels);
    const random = randomOf(3);
    const x = Float32Array.from({ length: 2 * 5 * 7 * 6 }, () => random() - 0.5);
    const pool = (kernel: bigint, stride: bigint) =>
      model(
        {
          nodes: [
            node('ToBordered', ['x'], 'a', {}, DOMAIN),
            node('BorderedMaxPool', ['a'], 'b', { kernel, stride }, DOMAIN),
            node('FromBordered', ['b'], 'y', { channels: 5n }, DOMAIN),
            node('MaxPool', ['x'], 'z', { kernel_shape: [kernel, kernel], strides: [stride, stride] }),
          ],
          inputs: [value('x', [2, 5, 7, 6])],
          outputs: [value('y'), value('z')],
        },
        17,
        ['ai.taustat'],
      );
    for (const [kernel, stride] of [
      [2n, 2n],
      [3n, 1n],
      [3n, 2n],
      [1n, 3n],
    ] as const) {
      const session = addon.createSession(bytesOf(pool(kernel, stride)), { intraOpThreads: 1 });
      const inputs = [nativeFloats({ name: 'x', shape: [2, 5, 7, 6], values: x })];
      const [y, z] = addon.run(session, inputs, ['y', 'z']);
      expect(y!.shape).toEqual(z!.shape);
      expect(y!.elements).toEqual(z!.elements);
      addon.release(session);
    }
  });

  it('bin as the estimator does', () => {
    const addon = openedAddon(kernels);
    const bits = fc.oneof(
      fc.integer({ min: 0, max: 0xffffffff }),
      fc.constantFrom(0, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 1, 0x1ffff, 0x20000, 0x3f800000),
    );
    const graph = model(
      {
        nodes: [node('Histogram', ['x'], 'y', {}, DOMAIN)],
        inputs: [value('x', ['n'])],
        outputs: [value('y', undefined, 11)],
      },
      17,
      ['ai.taustat'],
    );
    const session = addon.createSession(bytesOf(graph), { intraOpThreads: 1 });
    fc.assert(
      fc.property(fc.array(bits, { maxLength: 3000, size: 'max' }), (all) => {
        const raw = Uint32Array.from(all);
        const x = new Float32Array(raw.buffer);
        const [y] = addon.run(session, [nativeFloats({ name: 'x', shape: [x.length], values: x })], ['y']);
        const [got] = histogramsOf(y!.elements as Float64Array);
        const expected = binned(raw);
        const offset = expected.counts.length === 0 ? 0 : expected.offset;
        const { counts, residuals, ...rest } = got!;
        expect(rest).toEqual({ offset, zeros: expected.zeros, nonFinite: expected.nonFinite });
        // Thousands of bins: element by element, the comparison would take most of the time.
        expect(sameBytes(counts, expected.counts) && sameBytes(residuals, expected.residuals)).toBe(true);
      }),
      { numRuns: 200 },
    );
    addon.release(session);
  });

  it('bin each row by itself: what passes its gate, of the rows that are measured', () => {
    const addon = openedAddon(kernels);
    const shape = fc.record({
      lead: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
      axis: fc.nat(3),
      isBordered: fc.boolean(),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(shape, ({ lead, axis: wanted, isBordered: asksBordered, seed }) => {
        const random = randomOf(seed);
        const isBordered = asksBordered && lead.length === 4;
        const axis = isBordered ? 0 : wanted % lead.length;
        const rows = lead[axis]!;
        const inner = lead.slice(axis + 1).reduce((product, n) => product * n, 1);
        const count = lead.reduce((product, n) => product * n, 1);
        const x = Float32Array.from({ length: count }, () => {
          const u = random();
          return u < 0.2 ? 0 : u < 0.25 ? Number.NaN : (random() - 0.5) * 2 ** Math.floor(8 * random());
        });
        const thresholds = Float32Array.from({ length: 2 * rows }, (_, i) =>
          i % 2 === 0 ? 9 : [0, 0.25, 1][i % 3]!,
        );
        const measured = Float32Array.from({ length: rows }, () => (random() < 0.3 ? 0 : 1));
        const attributes = { site: 1n, row_axis: BigInt(axis) };
        const layout = { layout: 'bordered', channels: BigInt(lead[1] ?? 1) };
        const graph = model(
          {
            nodes: isBordered
              ? [
                  node('ToBordered', ['x'], 'xb', {}, DOMAIN),
                  node('RowHistograms', ['xb', 't', 'm'], 'y', { ...attributes, ...layout }, DOMAIN),
                ]
              : [node('RowHistograms', ['x', 't', 'm'], 'y', attributes, DOMAIN)],
            inputs: [value('x', lead), value('t', [rows, 2]), value('m', [rows, 1])],
            outputs: [value('y', undefined, 11)],
          },
          17,
          ['ai.taustat'],
        );
        const session = addon.createSession(bytesOf(graph), { intraOpThreads: 1 });
        const inputs = [
          { name: 'x', shape: lead, values: x },
          { name: 't', shape: [rows, 2], values: thresholds },
          { name: 'm', shape: [rows, 1], values: measured },
        ];
        const [y] = addon.run(session, inputs.map(nativeFloats), ['y']);
        addon.release(session);
        const size = y!.shape[1]!;
        for (let row = 0; row < rows; row++) {
          const own = x.filter((_, i) => Math.floor(i / inner) % rows === row);
          const threshold = thresholds[2 * row + 1]!;
          const passed = own.map((a) => (Math.abs(a) < threshold ? 0 : a));
          const wanted = measured[row] === 0 ? new Float32Array(0) : passed;
          const [got] = histogramsOf((y!.elements as Float64Array).slice(row * size, (row + 1) * size));
          const both = [got!, binned(new Uint32Array(wanted.buffer))].map((h) => ({
            zeros: h.zeros,
            nonFinite: h.nonFinite,
            bins: Array.from(h.counts, (n, i) => [h.offset + i, n, h.residuals[i]!]).filter(
              ([, n]) => n! > 0,
            ),
          }));
          expect(both[0]).toEqual(both[1]);
        }
        if (measured.every((one) => one === 0)) expect(size).toBe(4);
      }),
      { numRuns: 200 },
    );
  });

  it('refuse thresholds of another number of rows than the batch has', () => {
    const addon = openedAddon(kernels);
    const graph = model(
      {
        nodes: [node('SparseMatMul', ['x', 'w', '', 't'], 'y', { input_site: 0n }, DOMAIN)],
        inputs: [value('x', ['n', 2]), value('t', ['m', 's'])],
        outputs: [value('y')],
        initializers: [tensor('w', [2, 1], [1, 2])],
      },
      17,
      ['ai.taustat'],
    );
    const x = { name: 'x', shape: [3, 2], values: Float32Array.of(1, 2, 3, 4, 5, 6) };
    const t = (rows: number) => ({ name: 't', shape: [rows, 1], values: new Float32Array(rows).fill(2.5) });
    expect(nativeRun(addon, graph, [x, t(1)]).values).toEqual(Float32Array.of(0, 11, 17));
    expect(() => nativeRun(addon, graph, [x, t(2)])).toThrow('thresholds of 2 rows, X has 3');
    expect(() => nativeRun(addon, graph, [x, { ...t(0), shape: [3, 0] }])).toThrow('site 0 of 0 thresholds');
  });

  it('bin a stratified sample of a large tensor, in which every block counts as often as every other', () => {
    const addon = openedAddon(kernels);
    const SAMPLE = 200;
    const graph = model(
      {
        nodes: [node('Histogram', ['x'], 'y', { sample: BigInt(SAMPLE) }, DOMAIN)],
        inputs: [value('x', ['n'])],
        outputs: [value('y', undefined, 11)],
      },
      17,
      ['ai.taustat'],
    );
    const session = addon.createSession(bytesOf(graph), { intraOpThreads: 1 });
    const run = (x: Floats) => {
      const [y] = addon.run(session, [nativeFloats({ name: 'x', shape: [x.length], values: x })], ['y']);
      return histogramsOf(y!.elements as Float64Array)[0]!;
    };
    fc.assert(
      fc.property(fc.nat(8000), (length) => {
        // Each block of 64 has a magnitude of its own, so that its bin tells how often it was counted.
        const x = Float32Array.from({ length }, (_, i) => 1 + Math.floor(i / 64) / 128);
        const { counts, residuals, zeros, nonFinite } = run(x);
        expect(zeros + nonFinite + counts.reduce((sum, count) => sum + count, 0)).toBe(length);
        const all = binned(new Uint32Array(x.buffer));
        if (length < 2 * SAMPLE) expect([counts, residuals]).toEqual([all.counts, all.residuals]);
        const blocks = Math.min(16, Math.floor(length / SAMPLE));
        const told = counts.filter((count) => count > 0).length;
        expect(told).toBeLessThanOrEqual(Math.ceil(length / 64 / Math.max(1, blocks)) + 16);
      }),
      { numRuns: 300 },
    );
    const x = Float32Array.from({ length: 16 * 64 * 3 + 10 }, (_, i) => 1 + Math.floor(i / 64) / 128);
    const RUNS = 1600;
    const sums = new Map<number, number>();
    for (let i = 0; i < RUNS; i++) {
      const { offset, counts } = run(x);
      for (const [bin, count] of counts.entries())
        if (count > 0) sums.set(offset + bin, (sums.get(offset + bin) ?? 0) + count);
    }
    const all = binned(new Uint32Array(x.buffer));
    for (const [bin, count] of all.counts.entries()) {
      if (count === 0) continue;
      // One in fifteen: 107 times of 1,600, give or take ten.
      const mean = (sums.get(all.offset + bin) ?? 0) / RUNS;
      expect(Math.abs(mean / count - 1)).toBeLessThan(0.5);
    }
    addon.release(session);
  });

  it('count what passes, each element once, in any layout and with any number of threads', () => {
    const addon = openedAddon(kernels);
    const random = randomOf(5);
    const x = Float32Array.from({ length: 3 * 20 * 9 * 9 }, () => (random() < 0.5 ? 0 : random() - 0.5));
    const kept = x.filter((a) => Math.abs(a) >= 0.2).length;
    for (const layout of ['nchw', 'bordered'])
      for (const intraOpThreads of [1, 4]) {
        const graph = model(
          {
            nodes: [
              node('ToBordered', ['x'], 'xb', {}, DOMAIN),
              node(
                'SparseConv',
                [layout === 'nchw' ? 'x' : 'xb', 'w', '', 'taustat_threshold'],
                'y',
                {
                  pads: [1n, 1n, 1n, 1n],
                  input_site: 0n,
                  output_site: 1n,
                  activation: 'relu',
                  input_layout: layout,
                },
                DOMAIN,
              ),
            ],
            inputs: [value('x', [3, 20, 9, 9]), value('taustat_threshold', [2])],
            outputs: [value('y')],
            initializers: [
              tensor(
                'w',
                [33, 20, 3, 3],
                Array.from({ length: 33 * 20 * 9 }, () => random() - 0.5),
              ),
            ],
          },
          17,
          ['ai.taustat'],
        );
        const session = addon.createSession(bytesOf(graph), { intraOpThreads });
        const inputs = [
          nativeFloats({ name: 'x', shape: [3, 20, 9, 9], values: x }),
          nativeFloats({ name: 'taustat_threshold', shape: [2], values: Float32Array.of(0.2, 0.5) }),
        ];
        const [y] = addon.run(session, inputs, ['y']);
        addon.run(session, inputs, ['y']);
        const values = y!.elements as Floats;
        const passed = values.filter((a) => a !== 0).length;
        const counts = addon.counts(session);
        expect(counts.sites).toEqual([
          { site: 0, kept: 2 * kept, seen: 2 * x.length },
          { site: 1, kept: 2 * passed, seen: 2 * values.length },
        ]);
        const share = counts.multiplied / counts.multiplications;
        expect(share).toBeGreaterThan((0.8 * kept) / x.length);
        expect(share).toBeLessThan(kept / x.length);
        expect(addon.counts(session).sites.every(({ kept, seen }) => kept === 0 && seen === 0)).toBe(true);
        expect(addon.macsSkipped(session)).toBeNaN();
        addon.release(session);
      }
  });

  it('answer the same, bit for bit, with two threads: rows or columns are shared out', () => {
    const addon = openedAddon(kernels);
    const random = randomOf(7);
    const numbers = (count: number) => Array.from({ length: count }, () => random() - 0.5);
    const attributes = { input_site: 0n, output_site: 1n, activation: 'relu' };
    const thresholds = { name: 'taustat_threshold', shape: [2], values: Float32Array.of(0.2, 0.1) };
    const inputs = [value('taustat_threshold', [2])];
    const product = model(
      {
        nodes: [node('SparseMatMul', ['x', 'w', 'b', 'taustat_threshold'], 'y', attributes, DOMAIN)],
        inputs: [value('x', ['n', 96]), ...inputs],
        outputs: [value('y')],
        initializers: [tensor('w', [96, 80], numbers(96 * 80)), tensor('b', [80], numbers(80))],
      },
      17,
      ['ai.taustat'],
    );
    const convolution = model(
      {
        nodes: [
          node(
            'SparseConv',
            ['x', 'w', '', 'taustat_threshold'],
            'y',
            { ...attributes, pads: [1n, 1n, 1n, 1n] },
            DOMAIN,
          ),
        ],
        inputs: [value('x', ['n', 20, 9, 9]), ...inputs],
        outputs: [value('y')],
        initializers: [tensor('w', [33, 20, 3, 3], numbers(33 * 20 * 9))],
      },
      17,
      ['ai.taustat'],
    );
    for (const [graph, shape] of [
      [product, [1, 96]],
      [product, [64, 96]],
      [convolution, [1, 20, 9, 9]],
      [convolution, [3, 20, 9, 9]],
    ] as const) {
      const values = Float32Array.from(numbers(shape.reduce((a: number, n) => a * n, 1)));
      const [one, two] = [1, 2].map((threads) =>
        nativeRun(addon, graph, [{ name: 'x', shape, values }, thresholds], 'y', threads),
      );
      expect(two).toEqual(one);
      expect((one!.values as Floats).some((y) => y !== 0)).toBe(true);
    }
  });

  it('do without a batch of none', () => {
    const addon = openedAddon(kernels);
    const graph = model(
      {
        nodes: [node('SparseMatMul', ['x', 'w'], 'y', {}, DOMAIN)],
        inputs: [value('x', ['n', 3])],
        outputs: [value('y')],
        initializers: [tensor('w', [3, 2], [1, 2, 3, 4, 5, 6])],
      },
      17,
      ['ai.taustat'],
    );
    const empty = nativeRun(addon, graph, [{ name: 'x', shape: [0, 3], values: new Float32Array(0) }]);
    expect(empty).toEqual({ shape: [0, 2], values: new Float32Array(0) });
    const one = nativeRun(addon, graph, [{ name: 'x', shape: [1, 3], values: Float32Array.of(1, 0, -1) }]);
    expect([...(one.values as Floats)]).toEqual([-4, -4]);
  });
});
