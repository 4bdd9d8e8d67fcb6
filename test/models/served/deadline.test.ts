import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { withinDeadline } from '../../../src/models/served/deadline.ts';
import type { InferRequest } from '../../../src/protocol/types.ts';

const request = (timeout?: number): InferRequest => ({
  inputs: [],
  parameters: timeout === undefined ? {} : { timeout },
});
const never = () => new Promise<never>(() => undefined);

describe('a request’s timeout', () => {
  it('ends what takes longer, and takes it out of the queue', async () => {
    let signal: AbortSignal | undefined;
    const late = withinDeadline(request(2000), {}, (client) => {
      signal = client.signal;
      return never();
    });
    await expect(late).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: 'no answer within the timeout of 2000 µs',
    });
    expect(signal?.aborted).toBe(true);
  });

  it.each([1e15, 2 ** 53])('of %d µs is longer than any timer, and waits', async (timeout) => {
    const work = () => sleep(30, 'done');
    expect(await withinDeadline(request(timeout), {}, work)).toBe('done');
  });

  it.each([undefined, 0])('of %s is none: the client’s own signal is handed on, unasked', async (timeout) => {
    let asked = 0;
    const context = {
      get signal() {
        asked++;
        return undefined;
      },
    };
    await withinDeadline(request(timeout), context, async () => undefined);
    expect(asked).toBe(0);
  });

  it.each([
    ['the caller’s deadline', undefined, 2, 2000],
    ['the shorter of the two: the caller’s deadline', 9e6, 2.5, 2500],
    ['the shorter of the two: its own', 1500, 9000, 1500],
    ['a deadline that is over', 9e6, -1, -1000],
  ])('is %s', async (_, timeout, timeoutMs, expectedUs) => {
    await expect(withinDeadline(request(timeout), { timeoutMs }, never)).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: `no answer within the timeout of ${expectedUs} µs`,
    });
  });

  it('leaves the failure of the work as it is', async () => {
    const failing = withinDeadline(request(1e6), {}, () => Promise.reject(new Error('refused')));
    await expect(failing).rejects.toThrow('refused');
  });

  it('does not hide that the client has gone', async () => {
    const client = new AbortController();
    let signal: AbortSignal | undefined;
    const work = withinDeadline(request(1e6), { signal: client.signal }, async (run) => {
      signal = run.signal;
      return 'answered';
    });
    expect(await work).toBe('answered');
    client.abort();
    expect(signal?.aborted).toBe(true);
    expect(getEventListeners(client.signal, 'abort')).toHaveLength(0);
  });
});
