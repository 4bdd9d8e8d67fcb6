import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binned } from '../../src/estimator/binning.ts';
import { binOf } from '../../src/estimator/bins.ts';
import {
  cloneHistogram,
  emptyHistogram,
  finish,
  isFinished,
  merge,
  mergeAll,
  nonzeroCount,
  retainedFrom,
  subtract,
  tails,
  zeroRatio,
} from '../../src/estimator/histogram.ts';
import { content } from './content.ts';
import { bitsOf } from './distributions.ts';

const histogramOf = (values: Float32Array) => binned(bitsOf(values));
const floats = fc.array(fc.float(), { maxLength: 300 }).map((values) => Float32Array.from(values));

describe('merge', () => {
  it('of parts is adding all, bit for bit, in any order', () => {
    fc.assert(
      fc.property(floats, floats, floats, (a, b, c) => {
        const all = histogramOf(Float32Array.from([...a, ...b, ...c]));
        const parts = [histogramOf(a), histogramOf(b), histogramOf(c)];
        expect(content(mergeAll(parts))).toEqual(content(all));
        expect(content(mergeAll([...parts].reverse()))).toEqual(content(all));
      }),
    );
  });

  it('is undone by subtract, exactly', () => {
    fc.assert(
      fc.property(floats, floats, (a, b) => {
        const h = histogramOf(a);
        const before = content(h);
        merge(h, histogramOf(b));
        subtract(h, histogramOf(b));
        expect(content(h)).toEqual(before);
      }),
    );
  });

  it('does not depend on the order of two', () => {
    fc.assert(
      fc.property(floats, floats, (a, b) => {
        expect(content(mergeAll([histogramOf(a), histogramOf(b)]))).toEqual(
          content(mergeAll([histogramOf(b), histogramOf(a)])),
        );
      }),
    );
  });

  it('leaves the part alone and shares no memory with it', () => {
    const part = histogramOf(Float32Array.of(1, 2));
    const copy = cloneHistogram(part);
    const all = emptyHistogram();
    merge(all, part);
    merge(all, part);
    expect(content(part)).toEqual(content(copy));
  });
});

describe('a finished histogram', () => {
  it('takes nothing more, and is added to others as before', () => {
    const part = histogramOf(Float32Array.of(1, 2, 3));
    const finished = finish(cloneHistogram(part));
    const before = content(finished);
    expect(() => merge(finished, part)).toThrow(TypeError);
    expect(() => subtract(finished, part)).toThrow(TypeError);
    expect(content(finished)).toEqual(before);
    expect(content(mergeAll([finished, part]))).toEqual(content(mergeAll([part, part])));
    const copy = cloneHistogram(finished);
    merge(copy, part);
    expect(isFinished(copy)).toBe(false);
  });
});

describe('tails', () => {
  it('never grow with the threshold', () => {
    fc.assert(
      fc.property(floats, (values) => {
        const { count, sum } = tails(histogramOf(values));
        expect(count.every((n, i) => i === 0 || n <= count[i - 1]!)).toBe(true);
        expect(sum.every((s, i) => i === 0 || s <= sum[i - 1]!)).toBe(true);
      }),
    );
  });

  it('are all there is below the first stored bin, and nothing past the last', () => {
    const h = histogramOf(Float32Array.of(1, 1.5, -3));
    const t = tails(h);
    expect(retainedFrom(t, 0)).toEqual({ count: 3, sum: 5.5 });
    expect(retainedFrom(t, binOf(1))).toEqual({ count: 3, sum: 5.5 });
    expect(retainedFrom(t, binOf(1.5))).toEqual({ count: 2, sum: 4.5 });
    expect(retainedFrom(t, binOf(3) + 1)).toEqual({ count: 0, sum: 0 });
    expect(retainedFrom(t, binOf(1e30))).toEqual({ count: 0, sum: 0 });
    expect(retainedFrom(tails(emptyHistogram()), 8000)).toEqual({ count: 0, sum: 0 });
  });

  it('weigh every bin by its share', () => {
    const h = histogramOf(Float32Array.of(1, 1, 1, 1, 2));
    const share = new Float64Array(h.counts.length).fill(1);
    share[binOf(1) - h.offset] = 0.25;
    expect(retainedFrom(tails(h, share), binOf(1))).toEqual({ count: 2, sum: 3 });
  });
});

describe('scaling by a power of two', () => {
  it('moves every bin by 64 per octave and changes nothing else', () => {
    const normal = fc.float({ min: 2 ** -60, max: 2 ** 60, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(normal, { maxLength: 100 }),
        fc.integer({ min: -60, max: 60 }),
        (list, octaves) => {
          const values = Float32Array.from(list);
          const { bins } = content(histogramOf(values));
          const moved = content(histogramOf(values.map((x) => x * 2 ** octaves)));
          const expected = Object.entries(bins).map(([bin, held]) => [Number(bin) + 64 * octaves, held]);
          expect(moved.bins).toEqual(Object.fromEntries(expected));
        },
      ),
    );
  });
});

describe('zeroRatio', () => {
  it('is the share of finite activations that are zero', () => {
    expect(zeroRatio(histogramOf(Float32Array.of(0, -0, 0, 5, Number.NaN)))).toBe(0.75);
    expect(zeroRatio(histogramOf(Float32Array.of(5)))).toBe(0);
    expect(zeroRatio(emptyHistogram())).toBeNaN();
    expect(nonzeroCount(emptyHistogram())).toBe(0);
  });
});
