import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixedBatch, SLICES, schedule } from '../../../src/tools/analyze/schedule.ts';

const counts = fc.integer({ min: 1, max: 3000 });
const sizes = fc.integer({ min: 1, max: 200 });

describe('schedule', () => {
  it('covers every row once, in order, in batches of at most the size asked for', () => {
    fc.assert(
      fc.property(counts, sizes, (rows, batch) => {
        let next = 0;
        for (const { from, to } of schedule(rows, batch, undefined)) {
          expect(from).toBe(next);
          expect(to - from).toBeGreaterThan(0);
          expect(to - from).toBeLessThanOrEqual(batch);
          next = to;
        }
        expect(next).toBe(rows);
      }),
    );
  });

  it('cuts the same slices whatever the batch size, even to one row', () => {
    fc.assert(
      fc.property(counts, sizes, sizes, (rows, a, b) => {
        const ends = (batch: number): number[] => {
          const last: number[] = [];
          for (const { to, slice } of schedule(rows, batch, undefined)) last[slice] = to;
          return last;
        };
        expect(ends(a)).toEqual(ends(b));
        const lengths = ends(a).map((end, i, all) => end - (all[i - 1] ?? 0));
        expect(lengths).toHaveLength(Math.min(SLICES, rows));
        expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('gives a model with a fixed batch exactly that, and leaves the rest of the rows out', () => {
    fc.assert(
      fc.property(counts, fc.integer({ min: 1, max: 16 }), sizes, (rows, fixed, batch) => {
        fc.pre(rows >= fixed);
        const batches = schedule(rows, batch, fixed);
        expect(batches.every(({ from, to }) => to - from === fixed)).toBe(true);
        expect(batches).toHaveLength(Math.floor(rows / fixed));
      }),
    );
    expect(() => schedule(3, 32, 4)).toThrow('3 rows: the model takes batches of exactly 4');
  });

  it('reads the fixed batch from the first dimension', () => {
    const spec = (shape: number[]) => ({ name: 'x', datatype: 'FP32' as const, shape });
    expect(fixedBatch([spec([-1, 3]), spec([-1])])).toBeUndefined();
    expect(fixedBatch([spec([-1, 3]), spec([8, 3])])).toBe(8);
  });
});
