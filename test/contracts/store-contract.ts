import { describe, expect, it } from 'vitest';
import { initialState } from '../../src/control/state.ts';
import { RECORD_VERSION, type Remembered, type StateStore } from '../../src/memory/store.ts';
import { OPTIONS } from '../control/events.ts';

export function record(savedAt: number): Remembered {
  const state = initialState('auto', undefined, OPTIONS);
  return { version: RECORD_VERSION, model: 'hash', settings: 'settings', savedAt, state, reference: null };
}

/** What every store must do. @param open - the same storage again, as after a restart. */
export function storeContract(name: string, open: () => StateStore): void {
  describe(name, () => {
    it('knows nothing of a key before it is saved', async () => {
      expect(await open().load('unknown')).toBeNull();
    });

    it('gives back what was saved, also after a restart, per key', async () => {
      const store = open();
      store.save('a', record(1));
      store.save('b', record(2));
      await store.flush();
      expect(await store.load('a')).toEqual(record(1));
      expect(await open().load('b')).toEqual(record(2));
    });

    it('keeps the last of many records that come faster than they can be written', async () => {
      const store = open();
      for (let i = 1; i <= 200; i++) store.save('busy', record(i));
      await store.flush();
      expect(await open().load('busy')).toEqual(record(200));
    });
  });
}
