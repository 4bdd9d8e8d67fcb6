import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsOf, SLICES, schedule } from '../../../src/tools/analyze/schedule.ts';

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

  it('runs recorded requests whole, in slices of consecutive ones, within the limit of rows', () => {
    const ends = [3, 4, 9, 11];
    const runSize = { kind: 'requests', ends } as const;
    expect(runsOf({ runSize }, 100, 2)).toEqual([
      { from: 0, to: 3, slice: 0 },
      { from: 3, to: 4, slice: 1 },
      { from: 4, to: 9, slice: 2 },
      { from: 9, to: 11, slice: 3 },
    ]);
    expect(runsOf({ runSize }, 10, 2).at(-1)).toEqual({ from: 4, to: 9, slice: 2 });
    expect(runsOf({ runSize }, 1, 2)).toEqual([{ from: 0, to: 3, slice: 0 }]);
  });
});
