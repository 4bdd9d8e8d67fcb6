import { describe, expect, it } from 'vitest';
import { initialState } from '../../src/control/phases/state.ts';
import type { Choice } from '../../src/store/choice.ts';
import { RECORD_VERSION, type StateRecord, type StateStore } from '../../src/store/store.ts';
import { OPTIONS } from '../control/events.ts';

export function record(savedAt: number): StateRecord {
  const state = initialState('auto', undefined, OPTIONS);
  return { version: RECORD_VERSION, model: 'hash', settings: 'settings', savedAt, state, reference: null };
}

export function choice(at: number, mode: Choice['mode'] = 'off'): Choice {
  const threshold = mode === 'fixed' ? 1 : null;
  return { mode, threshold, isRevoked: false, model: 'hash', version: '1', at };
}

/** What every store must do. @param open - the same storage again, as after a restart, or for another server. */
export function storeContract(name: string, open: () => StateStore): void {
  describe(name, () => {
    it('knows nothing of a key before it is saved', async () => {
      expect(await open().load('unknown')).toBeNull();
      expect(await open().loadChoice('unknown')).toBeNull();
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

    it('keeps the last choice, in the order in which they were made', async () => {
      const store = open();
      const saved = [1, 2, 3].map((at) => store.saveChoice('order', choice(at)));
      const [first, second, third] = await Promise.all(saved);
      expect([first! < second!, second! < third!]).toEqual([true, true]);
      expect(await open().loadChoice('order')).toEqual({ sequence: third, choice: choice(3) });
    });

    it('keeps a choice whatever records come from others', async () => {
      const [one, other] = [open(), open()];
      await one.saveChoice('shared', choice(1));
      for (let i = 0; i < 20; i++) other.save('shared', record(i));
      await other.flush();
      expect((await open().loadChoice('shared'))?.choice).toEqual(choice(1));
    });

    it('amends a choice only until another server has made one', async () => {
      const [one, other] = [open(), open()];
      const first = await one.saveChoice('amended', choice(1, 'fixed'));
      const revoked = { ...choice(1, 'fixed'), isRevoked: true };
      const second = await one.saveChoice('amended', revoked, first!);
      expect((await other.loadChoice('amended'))?.choice).toEqual(revoked);
      await other.saveChoice('amended', choice(2));
      expect(await one.saveChoice('amended', revoked, second!)).toBeNull();
      expect((await one.loadChoice('amended'))?.choice).toEqual(choice(2));
    });

    it('gives every choice of many servers a place of its own', async () => {
      const servers = Array.from({ length: 8 }, open);
      const saved = await Promise.all(
        servers.flatMap((server, i) => [1, 2, 3].map((k) => server.saveChoice('crowd', choice(10 * i + k)))),
      );
      const kept = await open().loadChoice('crowd');
      expect(saved).toContain(kept?.sequence);
      expect(saved.every((sequence) => sequence! <= kept!.sequence)).toBe(true);
    });
  });
}
