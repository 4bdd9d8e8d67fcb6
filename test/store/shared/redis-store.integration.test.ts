import { describe, expect, it, vi } from 'vitest';
import { RedisStore } from '../../../src/store/shared/redis-store.ts';
import { sharedStoreContract } from '../../contracts/shared-store-contract.ts';
import { HAS_REDIS, RedisServer } from './redis-server.ts';

let shared: RedisServer;
sharedStoreContract(
  'a shared store in Redis',
  {
    start: async () => {
      shared = await RedisServer.start();
    },
    open: () => RedisStore.open({ url: shared.url }),
    stop: () => shared.stop(),
  },
  !HAS_REDIS,
);

describe.skipIf(!HAS_REDIS)('a store in Redis that does not answer', () => {
  const ask = (store: RedisStore) =>
    store.choice('m').then(
      () => 'answered',
      (error: Error) => error.message,
    );

  it('says so, and answers again once Redis does', async () => {
    const server = await RedisServer.start('--appendonly', 'yes', '--appendfsync', 'always');
    const store = await RedisStore.open({ url: server.url });
    try {
      await vi.waitFor(async () => expect(await ask(store)).toBe('answered'), { timeout: 20_000 });
      const chosen = await store.choose('m', '{}', null);
      await server.kill();
      expect(await ask(store)).toMatch(`redis://127.0.0.1:${server.port}: `);
      await server.begin();
      await vi.waitFor(async () => expect(await store.choice('m')).toEqual(chosen), { timeout: 20_000 });
      server.pause();
      expect(await ask(store)).toMatch('has not answered for 2000 ms');
      server.resume();
      await vi.waitFor(async () => expect(await ask(store)).toBe('answered'), { timeout: 20_000 });
    } finally {
      await store.close();
      await server.stop();
    }
  });

  it('names what Redis refuses: no password, a full memory, a replica that takes no writes', async () => {
    const locked = await RedisServer.start('--requirepass', 'secret-word');
    const problems: string[] = [];
    const onProblem = (message: string) => problems.push(message);
    const none = await RedisStore.open({ url: locked.url, onProblem });
    const wrong = await RedisStore.open({ url: `redis://:wrong-word@127.0.0.1:${locked.port}`, onProblem });
    const right = await RedisStore.open({ url: `redis://:secret-word@127.0.0.1:${locked.port}` });
    try {
      await vi.waitFor(async () => expect(await ask(right)).toBe('answered'), { timeout: 20_000 });
      await vi.waitFor(async () => expect(await ask(none)).toMatch('NOAUTH'), { timeout: 20_000 });
      await vi.waitFor(async () => expect(await ask(wrong)).toMatch('WRONGPASS'), { timeout: 20_000 });
      expect(problems.join()).not.toMatch(/-word/);
      expect(right.place).toBe(`redis://127.0.0.1:${locked.port}`);
    } finally {
      await Promise.all([none.close(), wrong.close(), right.close()]);
      await locked.stop();
    }
    const full = await RedisServer.start('--maxmemory', '1', '--maxmemory-policy', 'noeviction');
    const store = await RedisStore.open({ url: full.url });
    try {
      await vi.waitFor(async () => expect(await ask(store)).toBe('answered'), { timeout: 20_000 });
      await expect(store.choose('m', '{}', null)).rejects.toThrow('its memory is full (maxmemory)');
    } finally {
      await store.close();
      await full.stop();
    }
    const reader = await RedisServer.start('--replicaof', '127.0.0.1', '1');
    const refused = await RedisStore.open({ url: reader.url });
    try {
      await vi.waitFor(
        async () => await expect(refused.choose('m', '{}', null)).rejects.toThrow('takes no writes'),
        {
          timeout: 20_000,
        },
      );
    } finally {
      await refused.close();
      await reader.stop();
    }
  });

  it.each(['http://a', 'redis:', 'nonsense', ''])('refuses the address %s', async (url) => {
    await expect(RedisStore.open({ url })).rejects.toThrow('store.url: expected redis://');
  });
});
