import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { answerWithin, endsWithin } from '../../src/store/time-limit.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('waits for work that ends in time, and leaves no timer', async () => {
  const work = new Promise((resolve) => setTimeout(resolve, 99));
  const ended = endsWithin(100, work);
  await vi.advanceTimersByTimeAsync(99);
  expect([await ended, vi.getTimerCount()]).toEqual([true, 0]);
});

it('does not wait for work that hangs, nor hear of its end', async () => {
  let fail: (error: Error) => void = () => undefined;
  const ended = endsWithin(
    100,
    new Promise((_, reject) => {
      fail = reject;
    }),
  );
  await vi.advanceTimersByTimeAsync(100);
  expect(await ended).toBe(false);
  fail(new Error('too late'));
});

it('throws what the work throws', async () => {
  await expect(endsWithin(100, Promise.reject(new Error('full')))).rejects.toThrow('full');
});

it('hands over an answer that comes in time, and says how long it waited for one that does not', async () => {
  await expect(answerWithin(100, Promise.resolve('kept'))).resolves.toBe('kept');
  await expect(answerWithin(100, Promise.reject(new Error('torn')))).rejects.toThrow('torn');
  const late = expect(answerWithin(100, new Promise(() => undefined))).rejects.toThrow('for 100 ms');
  await vi.advanceTimersByTimeAsync(100);
  await late;
});
