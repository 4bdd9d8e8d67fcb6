import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { EventLoopTurn } from '../../../src/runtime/local/event-loop-turn.ts';

describe('EventLoopTurn', () => {
  it('counts from the first request of a turn of the event loop, and anew in the next', async () => {
    const turn = new EventLoopTurn();
    expect([turn.lasted(5), turn.lasted(7), turn.lasted(11.5)]).toEqual([0, 2, 6.5]);
    await Promise.resolve();
    expect(turn.lasted(12)).toBe(7);
    await setImmediate();
    expect([turn.lasted(40), turn.lasted(41)]).toEqual([0, 1]);
  });
});
