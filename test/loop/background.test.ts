import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { atOnce, type Steps } from '../../src/drift/steps.ts';
import { Background } from '../../src/loop/background.ts';

/** Every step is told; it fails at one of them, if any. */
function* counting(steps: number, told: number[], failing = -1): Steps<number> {
  for (let i = 0; i < steps; i++) {
    if (i === failing) throw new RangeError('no further');
    told.push(i);
    yield;
  }
  return steps;
}

async function turnsUntil(isTrue: () => boolean): Promise<number> {
  for (let turns = 0; ; turns++) {
    if (isTrue()) return turns;
    await turn();
  }
}

describe('Background', () => {
  it('comes to the same, however long a turn is and whenever it is finished', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(40), fc.constantFrom(0.001, 0.01, 1), fc.nat(5), async (steps, ms, turns) => {
        const told: number[] = [];
        const background = new Background(counting(steps, told), ms);
        for (let i = 0; i < turns; i++) await turn();
        expect(background.finish()).toBe(atOnce(counting(steps, [])));
        expect(told).toEqual(Array.from({ length: steps }, (_, i) => i));
        expect(background.value).toBe(steps);
      }),
      { numRuns: 50 },
    );
  });

  it('does nothing before the next turn, and leaves turns to others between its own', async () => {
    const told: number[] = [];
    const background = new Background(slow(5, told), 1);
    expect(told).toEqual([]);
    expect(background.value).toBe(null);
    expect(await turnsUntil(() => background.value !== null)).toBeGreaterThanOrEqual(5);
    expect(told.length).toBe(5);
  });

  it('does nothing any more once it was closed', async () => {
    const told: number[] = [];
    const background = new Background(slow(5, told), 1);
    await turnsUntil(() => told.length > 0);
    background.close();
    const before = told.length;
    for (let i = 0; i < 5; i++) await turn();
    expect(told.length).toBe(before);
  });

  it('keeps what a step threw for who asks for the result', async () => {
    const told: number[] = [];
    const background = new Background(counting(5, told, 3), 100);
    await turnsUntil(() => told.length === 3);
    expect(background.value).toBe(null);
    expect(() => background.finish()).toThrow('no further');
    expect(() => background.finish()).toThrow('no further');
  });
});

/** Steps that each outlast a turn of a millisecond. */
function* slow(steps: number, told: number[]): Steps<number> {
  for (const step of counting(steps, told)) {
    const until = performance.now() + 1.5;
    while (performance.now() < until);
    yield step;
  }
  return steps;
}
