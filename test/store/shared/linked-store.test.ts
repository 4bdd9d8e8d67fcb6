import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ServingError } from '../../../src/config/errors.ts';
import { Asking, type Link, type LinkMessage } from '../../../src/store/shared/asking.ts';
import { LinkedStore, offerStore } from '../../../src/store/shared/linked-store.ts';
import { MemoryStore } from '../../../src/store/shared/memory-store.ts';
import { sharedStoreContract } from '../../contracts/shared-store-contract.ts';

/** Two ends, between which messages are cloned, and take a turn of the event loop. */
function linkPair(): [Link, Link] {
  const listeners: ((message: LinkMessage) => void)[][] = [[], []];
  const end = (own: number): Link => ({
    send: (message) => {
      const copy = structuredClone(message);
      void setImmediate().then(() => {
        for (const listener of listeners[1 - own]!) listener(copy);
      });
    },
    onMessage: (listener) => listeners[own]!.push(listener),
  });
  return [end(0), end(1)];
}

const memory = new MemoryStore();

sharedStoreContract('a shared store in another process', {
  open: async () => {
    const [here, there] = linkPair();
    offerStore(memory, new Asking(there));
    return new LinkedStore(new Asking(here));
  },
});

it('a shared store in another process forgets the replicas of a process that has ended', async () => {
  const store = new MemoryStore();
  const [here, there] = linkPair();
  const withdraw = offerStore(store, new Asking(there));
  const group = { model: 'm', fingerprint: 'f' };
  const beat = { group, about: '{}', aliveMs: 60_000, leaseMs: 60_000, revision: 0 };
  expect(await new LinkedStore(new Asking(here)).beat({ ...beat, replica: 'a' })).toMatchObject({
    decider: 'a',
  });
  withdraw();
  await setImmediate();
  expect(await store.beat({ ...beat, replica: 'b' })).toMatchObject({ decider: 'b', replicas: 1 });
  expect((await store.members('m', 60_000)).map(({ replica }) => replica)).toEqual(['b']);
});

describe('questions between processes', () => {
  it('fail as the other process fails, with its code', async () => {
    const [here, there] = linkPair();
    const [asking, other] = [new Asking(here), new Asking(there)];
    other.answer('a', () => {
      throw new ServingError('UNKNOWN_MODEL', 'no model a');
    });
    await expect(asking.ask('a')).rejects.toThrow(new ServingError('UNKNOWN_MODEL', 'no model a'));
    await expect(asking.ask('b')).rejects.toThrow("the other process does not know 'b'");
  });

  it('fail when it has ended, those that wait and those that come later', async () => {
    const [here, there] = linkPair();
    const [asking, other] = [new Asking(here), new Asking(there)];
    other.answer('a', () => new Promise(() => undefined));
    const waiting = asking.ask('a');
    asking.end('it is gone');
    await expect(waiting).rejects.toThrow('it is gone');
    await expect(asking.ask('a')).rejects.toThrow('it is gone');
  });
});
