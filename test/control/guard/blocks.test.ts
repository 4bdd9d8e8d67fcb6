import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  grouped,
  isFirstOf,
  leastMeans,
  type OpenBlock,
  type Unit,
} from '../../../src/control/guard/blocks.ts';

/** Three requests of evidence and two between blocks, of so many streams in turn. */
function unitOf(i: number, streams: number): Unit {
  const index = Math.floor(i / streams);
  return { stream: i % streams, block: Math.floor(index / 5), left: 2 - (index % 5) };
}

const losses = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 200 });

describe('comparisons in blocks', () => {
  it('count by themselves where they resemble nothing', () => {
    expect(grouped([], 0.3, undefined)).toEqual({ open: [], closed: [0.3] });
  });

  it('come to the means of the blocks, whatever streams take turns, and leave out what lies between two', () => {
    fc.assert(
      fc.property(losses, fc.integer({ min: 1, max: 8 }), (all, streams) => {
        const expected = new Map<string, number[]>();
        const means: number[] = [];
        let open: readonly OpenBlock[] = [];
        for (const [i, loss] of all.entries()) {
          const unit = unitOf(i, streams);
          const key = `${unit.stream} ${unit.block}`;
          if (unit.left >= 0) expected.set(key, [...(expected.get(key) ?? []), loss]);
          const next = grouped(open, loss, unit);
          means.push(...next.closed);
          open = next.open;
        }
        const complete = [...expected.values()].filter((block) => block.length === 3);
        const batch = complete.map((block) => block.reduce((a, b) => a + b) / 3);
        const sorted = (values: number[]) => values.toSorted((a, b) => a - b);
        expect(sorted(means).length).toBe(batch.length);
        for (const [i, mean] of sorted(means).entries()) expect(mean).toBeCloseTo(sorted(batch)[i]!, 12);
      }),
    );
  });

  it('are complete with what was sampled of them, once another block of the stream begins', () => {
    const first = grouped([], 1, { stream: 7, block: 0, left: 2 });
    const second = grouped(first.open, 0, { stream: 7, block: 0, left: 1 });
    expect(second.closed).toEqual([]);
    expect(grouped(second.open, 0.4, { stream: 7, block: 1, left: 2 }).closed).toEqual([0.5]);
    expect(grouped(second.open, 0.4, { stream: 7, block: 0, left: -1 })).toEqual({ open: [], closed: [0.5] });
  });

  it('are complete when requests resemble each other no more', () => {
    const { open } = grouped([], 1, { stream: 7, block: 0, left: 2 });
    expect(grouped(open, 0.2, undefined)).toEqual({ open: [], closed: [1, 0.2] });
  });

  it('have no more than 64 open blocks: the one seen longest ago is closed', () => {
    let open: readonly OpenBlock[] = [];
    for (let stream = 0; stream < 64; stream++)
      open = grouped(open, stream / 64, { stream, block: 0, left: 1 }).open;
    open = grouped(open, 1, { stream: 0, block: 0, left: 0 }).open;
    open = grouped(open, 1, { stream: 0, block: 1, left: 1 }).open;
    const next = grouped(open, 1, { stream: 100, block: 0, left: 1 });
    expect(next.closed).toEqual([1 / 64]);
    expect(next.open.filter(({ count }) => count > 0).length).toBe(64);
  });

  it.each([65, 200])('count once each, however many streams take turns: %i', (streams) => {
    const [length, blocks] = [40, 10];
    let open: readonly OpenBlock[] = [];
    let closed = 0;
    for (let index = 0; index < blocks * length; index++) {
      for (let stream = 0; stream < streams; stream++) {
        const unit = { stream, block: Math.floor(index / length), left: 29 - (index % length) };
        const next = grouped(open, 0, unit);
        open = next.open;
        closed += next.closed.length;
      }
    }
    expect(closed).toBe(streams * blocks);
  });

  it('that were closed early promise nothing, and are gone when requests resemble each other no more', () => {
    let open: readonly OpenBlock[] = [];
    for (let stream = 0; stream < 70; stream++) open = grouped(open, 1, { stream, block: 0, left: 1 }).open;
    expect(leastMeans(open).length).toBe(64);
    expect(isFirstOf(open, { stream: 0, block: 0, left: 1 })).toBe(false);
    const { closed, open: none } = grouped(open, 0.5, undefined);
    expect(closed.length).toBe(65);
    expect(none).toEqual([]);
  });

  it('never have a mean below what was foretold', () => {
    fc.assert(
      fc.property(losses, (all) => {
        let open: readonly OpenBlock[] = [];
        let foretold = 0;
        for (const [i, loss] of all.entries()) {
          const { open: next, closed } = grouped(open, loss, {
            stream: 1,
            block: Math.floor(i / 4),
            left: 3 - (i % 4),
          });
          for (const mean of closed) expect(mean).toBeGreaterThanOrEqual(foretold - 1e-12);
          open = next;
          foretold = leastMeans(open)[0] ?? 0;
        }
      }),
    );
  });

  it('have one first request each, and none between two blocks', () => {
    const { open } = grouped([], 1, { stream: 7, block: 3, left: 2 });
    expect(isFirstOf(open, undefined)).toBe(true);
    expect(isFirstOf(open, { stream: 7, block: 3, left: 1 })).toBe(false);
    expect(isFirstOf(open, { stream: 8, block: 3, left: 1 })).toBe(true);
    expect(isFirstOf(open, { stream: 7, block: 4, left: 1 })).toBe(true);
    expect(isFirstOf(open, { stream: 7, block: 4, left: -1 })).toBe(false);
  });

  it('have one first request of those that production answers so, and one of the others', () => {
    const unit = { stream: 7, block: 3, left: 2 };
    const other = grouped([], 0, unit, false).open;
    expect([isFirstOf(other, unit, true), isFirstOf(other, unit, false)]).toEqual([true, false]);
    const both = grouped(other, 0, unit, true).open;
    expect([isFirstOf(both, unit, true), isFirstOf(both, unit, false)]).toEqual([false, false]);
    const due = grouped([], 0, unit, true).open;
    expect([isFirstOf(due, unit, true), isFirstOf(due, unit, false)]).toEqual([false, true]);
  });
});
