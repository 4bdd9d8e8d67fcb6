import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Beat, Group, SharedMessage, SharedStore } from '../../src/store/shared/shared-store.ts';

export interface SharedStoreCase {
  readonly start?: () => Promise<void>;
  /** The same storage once more, for another replica. */
  readonly open: () => Promise<SharedStore>;
  readonly stop?: () => Promise<void>;
}

const LOG = { most: 1000, keepMs: 60_000, isUrgent: false };
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (record: Uint8Array) => new TextDecoder().decode(record);

/** What every shared store must do. Each test has groups of its own. */
export function sharedStoreContract(
  name: string,
  { start, open, stop }: SharedStoreCase,
  isSkipped = false,
): void {
  describe.skipIf(isSkipped)(name, () => {
    let count = 0;
    const opened: SharedStore[] = [];
    const store = async () => {
      const one = await open();
      opened.push(one);
      await vi.waitFor(() => one.choice('anything'), { timeout: 20_000 });
      return one;
    };
    const group = (fingerprint = 'f'): Group => ({ model: `model ${++count}`, fingerprint });
    const beat = (of: Group, replica: string, more: Partial<Beat> = {}): Beat => {
      const usual = { about: `{"of":"${replica}"}`, aliveMs: 60_000, leaseMs: 60_000, revision: 0 };
      return { group: of, replica, ...usual, ...more };
    };
    beforeAll(async () => start?.());
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((one) => one.close()));
    });
    afterAll(async () => stop?.());

    it('lets one replica decide, until it resigns or leaves', async () => {
      const [a, b, of] = [await store(), await store(), group()];
      expect((await a.beat(beat(of, 'a'))).decider).toBe('a');
      expect((await b.beat(beat(of, 'b'))).decider).toBe('a');
      expect((await a.beat(beat(of, 'a'))).decider).toBe('a');
      await b.resign(of, 'b');
      expect((await b.beat(beat(of, 'b'))).decider).toBe('a');
      await a.resign(of, 'a');
      expect((await b.beat(beat(of, 'b'))).decider).toBe('b');
      await b.leave(of, 'b');
      expect(await a.beat(beat(of, 'a', { leaseMs: 0 }))).toMatchObject({ decider: null, replicas: 1 });
    });

    it('gives the lease of who is silent to another', async () => {
      const [a, b, of] = [await store(), await store(), group()];
      await a.beat(beat(of, 'a', { leaseMs: 30 }));
      await vi.waitFor(async () => expect((await b.beat(beat(of, 'b'))).decider).toBe('b'), {
        timeout: 20_000,
      });
      expect((await a.beat(beat(of, 'a'))).decider).toBe('b');
    });

    it('tells time, replicas and members; who is silent is gone', async () => {
      const [a, of] = [await store(), group()];
      const first = await a.beat(beat(of, 'a'));
      await a.beat(beat({ ...of, fingerprint: 'other' }, 'c'));
      const second = await a.beat(beat(of, 'b'));
      expect(second.nowMs).toBeGreaterThanOrEqual(first.nowMs);
      expect([first.replicas, second.replicas]).toEqual([1, 2]);
      const members = await a.members(of.model, 60_000);
      expect([...members].sort((x, y) => (x.replica < y.replica ? -1 : 1))).toEqual([
        { replica: 'a', fingerprint: 'f', about: '{"of":"a"}' },
        { replica: 'b', fingerprint: 'f', about: '{"of":"b"}' },
        { replica: 'c', fingerprint: 'other', about: '{"of":"c"}' },
      ]);
      await vi.waitFor(
        async () => {
          await a.beat(beat(of, 'a'));
          const there = await a.members(of.model, 20);
          expect(there.map(({ replica }) => replica)).toEqual(['a']);
        },
        { timeout: 20_000 },
      );
    });

    it('writes a decision of who decides, and none of anybody else or with an old revision', async () => {
      const [a, b, of] = [await store(), await store(), group()];
      const decision = (revision: number) => ({ revision, state: `{"r":${revision}}`, memory: '{}' });
      expect(await a.decision(of)).toBeNull();
      expect(await a.decide(of, 'a', decision(1))).toBe(false);
      await a.beat(beat(of, 'a'));
      expect(await a.decide(of, 'a', decision(5))).toBe(true);
      expect(await b.decide(of, 'b', decision(6))).toBe(false);
      expect(await a.decide(of, 'a', decision(5))).toBe(false);
      expect(await b.decision(of)).toEqual(decision(5));
      expect((await b.beat(beat(of, 'b'))).revision).toBe(5);
      await a.resign(of, 'a');
      await b.beat(beat(of, 'b'));
      expect(await a.decide(of, 'a', decision(9))).toBe(false);
      expect(await b.decide(of, 'b', decision(6))).toBe(true);
    });

    it('takes no decision that is older than what a replica knows, though the store has forgotten', async () => {
      const [a, of] = [await store(), group()];
      expect((await a.beat(beat(of, 'a', { revision: 41 }))).revision).toBe(41);
      expect(await a.decision(of)).toBeNull();
      expect(await a.decide(of, 'a', { revision: 41, state: '{}', memory: '{}' })).toBe(false);
      expect(await a.decide(of, 'a', { revision: 42, state: '{}', memory: '{}' })).toBe(true);
    });

    it('keeps a log in order, byte for byte, and apart from other logs and groups', async () => {
      const [a, b, of] = [await store(), await store(), group()];
      const odd = Uint8Array.from({ length: 256 }, (_, i) => i);
      await a.append(of, 'evidence', bytes('one'), LOG);
      await b.append(of, 'evidence', odd, LOG);
      await a.append(of, 'slices', bytes('slice'), LOG);
      await a.append({ ...of, fingerprint: 'other' }, 'evidence', bytes('foreign'), LOG);
      const all = await b.read(of, 'evidence', null, 10);
      expect(all.map(({ record }) => [...record])).toEqual([[...bytes('one')], [...odd]]);
      const [first] = await a.read(of, 'evidence', null, 1);
      expect(text(first!.record)).toBe('one');
      expect(await a.read(of, 'evidence', all[1]!.id, 10)).toEqual([]);
      expect((await a.read(of, 'evidence', first!.id, 10)).map(({ id }) => id)).toEqual([all[1]!.id]);
      expect((await a.read(of, 'slices', null, 10)).map(({ record }) => text(record))).toEqual(['slice']);
    });

    it('keeps about the latest records only', async () => {
      const [a, of] = [await store(), group()];
      for (let i = 0; i < 500; i++) await a.append(of, 'evidence', bytes(`${i}`), { ...LOG, most: 100 });
      const left = await a.read(of, 'evidence', null, 1000);
      expect(left.length).toBeGreaterThanOrEqual(100);
      expect(left.length).toBeLessThanOrEqual(300);
      expect(text(left.at(-1)!.record)).toBe('499');
    });

    it('keeps the latest choice of a model over all groups', async () => {
      const [a, b, of] = [await store(), await store(), group()];
      expect(await a.choice(of.model)).toBeNull();
      const first = await a.choose(of.model, '{"mode":"off"}', null);
      const second = await b.choose(of.model, '{"mode":"auto"}', null);
      expect(second.sequence).toBe(first.sequence + 1);
      expect(second.at).toBeGreaterThan(first.at);
      expect(await a.choose(of.model, '{"mode":"old"}', first.at)).toEqual(second);
      expect(await a.choice(of.model)).toEqual(second);
      const later = await a.choose(of.model, '{"mode":"late"}', second.at + 1);
      expect(later).toEqual({ sequence: second.sequence + 1, at: second.at + 1, choice: '{"mode":"late"}' });
      expect((await b.beat(beat({ ...of, fingerprint: 'other' }, 'b'))).choice).toBe(later.sequence);
    });

    it('tells a group of decisions and urgent evidence, and all of a model of choices, until that ends', async () => {
      const [a, b, of] = [await store(), await store(), group()];
      const told: SharedMessage[] = [];
      const foreign: SharedMessage[] = [];
      const end = b.subscribe(of, (message) => told.push(message));
      b.subscribe({ ...of, fingerprint: 'other' }, (message) => foreign.push(message));
      await a.beat(beat(of, 'a'));
      const heard = async (kind: string, say: () => Promise<unknown>) =>
        vi.waitFor(
          async () => {
            await say();
            expect(told.map((message) => message.kind)).toContain(kind);
          },
          { timeout: 20_000 },
        );
      let revision = 0;
      await heard('decision', () => a.decide(of, 'a', { revision: ++revision, state: '{}', memory: '{}' }));
      await heard('evidence', () => a.append(of, 'evidence', bytes('x'), { ...LOG, isUrgent: true }));
      await heard('choice', () => a.choose(of.model, '{}', null));
      await vi.waitFor(() => expect(foreign.map(({ kind }) => kind)).toContain('choice'), {
        timeout: 20_000,
      });
      expect(foreign.every(({ kind }) => kind === 'choice')).toBe(true);
      end();
      const before = told.length;
      await a.append(of, 'evidence', bytes('x'), { ...LOG, isUrgent: true });
      await a.beat(beat(of, 'a'));
      expect(told.length).toBe(before);
    });
  });
}
