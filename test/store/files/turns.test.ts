import { describe, expect, it } from 'vitest';
import { inTurn } from '../../../src/store/files/turns.ts';

describe('turns in a lane', () => {
  it('come one at a time, in order, whatever becomes of the one before', async () => {
    const log: string[] = [];
    const work = (name: string) => async () => {
      log.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      log.push(`${name} ends`);
      if (name === 'b') throw new Error(name);
      return name;
    };
    const all = await Promise.allSettled(['a', 'b', 'c'].map((name) => inTurn('order', work(name))));
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(log).toEqual(['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]));
  });

  it('hold up no other lane, and only so many of their own', async () => {
    let end: () => void = () => undefined;
    const hanging = inTurn('hangs', () => new Promise<void>((resolve) => (end = resolve)));
    expect(await inTurn('goes on', async () => 1)).toBe(1);
    const waiting = Array.from({ length: 255 }, (_, i) => inTurn('hangs', async () => i));
    await expect(inTurn('hangs', async () => 0)).rejects.toThrow('256 calls wait');
    end();
    await hanging;
    expect(await Promise.all(waiting)).toHaveLength(255);
    expect(await inTurn('hangs', async () => 2)).toBe(2);
  });
});
