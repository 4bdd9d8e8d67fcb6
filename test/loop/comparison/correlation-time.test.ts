import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { xorshift } from '../../../src/drift/xorshift.ts';
import { correlationTime } from '../../../src/loop/comparison/correlation-time.ts';
import type { Tensor } from '../../../src/protocol/types.ts';

const scores = (...values: number[]): readonly Tensor[] => [
  { name: 'y', datatype: 'FP32', shape: [1, values.length], elements: Float32Array.from(values) },
];

/** Answers of ten classes in runs of a mean length, with some noise. */
function runs(n: number, length: number, seed: number): (readonly Tensor[])[] {
  const random = xorshift(seed + 1);
  for (let i = 0; i < 20; i++) random();
  let top = 0;
  return Array.from({ length: n }, () => {
    if (random() < 1 / length) top = Math.floor(10 * random());
    return scores(...Array.from({ length: 10 }, (_, k) => (k === top ? 5 : 0) + random()));
  });
}

const mean = (of: (seed: number) => number) =>
  Array.from({ length: 20 }, (_, seed) => of(seed + 1)).reduce((a, b) => a + b) / 20;

describe('the correlation time of answers', () => {
  it('is 1 where requests are independent', () => {
    expect(mean((seed) => correlationTime(runs(160, 1, seed)))).toBeLessThan(1.1);
  });

  it('grows with the length of runs, of which three times as many requests hold two at least', () => {
    for (const length of [3, 10]) {
      const time = mean((seed) => correlationTime(runs(160, length, seed)));
      expect(3 * time).toBeGreaterThan(2 * length);
      expect(time).toBeLessThan(2.6 * length);
    }
  });

  it('is 1 where requests are independent but for a number that is always the same', () => {
    const constant = {
      name: 'z',
      datatype: 'FP64',
      shape: [1, 2],
      elements: Float64Array.of(0.1, 1e5 + 0.3),
    } as const;
    const time = mean((seed) => correlationTime(runs(160, 1, seed).map((answer) => [...answer, constant])));
    expect(time).toBeLessThan(1.1);
  });

  it('is 1 at the least, and finite, whatever the answers are', () => {
    const value = fc.oneof(fc.float(), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, 0));
    fc.assert(
      fc.property(fc.array(fc.array(value, { maxLength: 4 }), { maxLength: 30 }), (rows) => {
        const time = correlationTime(rows.map((row) => scores(...row)));
        expect(time).toBeGreaterThanOrEqual(1);
        expect(time).toBeLessThan(1e6);
      }),
    );
  });
});
