import { describe, expect, it } from 'vitest';
import { Turns } from '../../../src/loop/replica/turns.ts';

describe('Turns', () => {
  it('never takes two at a time, and one more for all that was asked for meanwhile', async () => {
    let underWay = 0;
    let most = 0;
    let taken = 0;
    const turns = new Turns(
      async () => {
        most = Math.max(most, ++underWay);
        await new Promise((resolve) => setImmediate(resolve));
        underWay--;
        taken++;
      },
      () => undefined,
    );
    await Promise.all([turns.take(), turns.take(), turns.take()]);
    expect([most, taken]).toEqual([1, 2]);
  });

  it('tells one turn that it is urgent', async () => {
    const urgent: boolean[] = [];
    const turns = new Turns(
      async (isUrgent) => void urgent.push(isUrgent),
      () => undefined,
    );
    turns.hurry();
    await turns.take();
    await turns.take();
    expect(urgent).toEqual([true, false]);
  });

  it('ends with what a turn has thrown, and takes the next all the same', async () => {
    const ends: unknown[] = [];
    const turns = new Turns(
      async () => {
        if (ends.length === 0) throw new Error('out of reach');
      },
      (error) => ends.push(error),
    );
    await turns.take();
    await turns.take();
    expect(ends).toEqual([new Error('out of reach'), undefined]);
  });
});
