import { describe, expect, it } from 'vitest';
import { runInSeries } from '../../../src/store/files/serial-queue.ts';

describe('work in a serial queue', () => {
  it('come one at a time, in order, whatever becomes of the one before', async () => {
    const log: string[] = [];
    const work = (name: string) => async () => {
      log.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      log.push(`${name} ends`);
      if (name === 'b') throw new Error(name);
      return name;
    };
    const all = await Promise.allSettled(['a', 'b', 'c'].map((name) => runInSeries('order', work(name))));
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(log).toEqual(['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]));
  });

  it('delays no other queue, and refuses more than 256 waiting calls', async () => {
    let end: () => void = () => undefined;
    const hanging = runInSeries('hangs', () => new Promise<void>((resolve) => (end = resolve)));
    expect(await runInSeries('goes on', async () => 1)).toBe(1);
    const waiting = Array.from({ length: 255 }, (_, i) => runInSeries('hangs', async () => i));
    await expect(runInSeries('hangs', async () => 0)).rejects.toThrow('256 calls wait');
    end();
    await hanging;
    expect(await Promise.all(waiting)).toHaveLength(255);
    expect(await runInSeries('hangs', async () => 2)).toBe(2);
  });
});
