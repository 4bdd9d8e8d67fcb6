import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Choice } from '../../src/store/choice.ts';
import { ChoicePersistence } from '../../src/store/choice-persistence.ts';
import { choice } from '../contracts/store-contract.ts';

/** A disk that fails or hangs when told to. */
class Disk {
  trouble: 'none' | 'full' | 'hangs' = 'none';
  sequence = 0n;
  kept: Choice | null = null;

  async saveChoice(_key: string, made: Choice, onlyAfter?: bigint): Promise<bigint | null> {
    if (this.trouble === 'hangs') return new Promise(() => undefined);
    if (this.trouble === 'full') throw new Error('no space left');
    if (onlyAfter !== undefined && onlyAfter !== this.sequence) return null;
    this.kept = made;
    return ++this.sequence;
  }
}

let disk: Disk;
let persistence: ChoicePersistence;
const errors: unknown[] = [];
beforeEach(() => {
  vi.useFakeTimers();
  errors.length = 0;
  disk = new Disk();
  persistence = new ChoicePersistence({
    store: disk,
    key: 'm',
    kept: null,
    report: (error) => errors.push(error),
    timeoutMs: 1000,
    retryMs: 5000,
  });
});
afterEach(() => void vi.useRealTimers());

describe('a choice', () => {
  it('is durable once it is written', async () => {
    expect(persistence.durability).toBeNull();
    expect(await persistence.keep(choice(1))).toEqual({ durable: true });
    expect([persistence.durability, persistence.latest, disk.kept]).toEqual([
      { durable: true },
      choice(1),
      choice(1),
    ]);
  });

  it('that cannot be written is told to be lost at a restart, and tried again until it is safe', async () => {
    disk.trouble = 'full';
    expect(await persistence.keep(choice(1))).toEqual({ durable: false, reason: 'no space left' });
    await vi.advanceTimersByTimeAsync(5000);
    expect([persistence.durability?.durable, errors.length]).toEqual([false, 2]);
    disk.trouble = 'none';
    await vi.advanceTimersByTimeAsync(5000);
    expect([persistence.durability, disk.kept]).toEqual([{ durable: true }, choice(1)]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(disk.sequence).toBe(1n);
  });

  it('does not keep an operator waiting for a disk that hangs', async () => {
    disk.trouble = 'hangs';
    const kept = persistence.keep(choice(1));
    await vi.advanceTimersByTimeAsync(1000);
    expect(await kept).toEqual({ durable: false, reason: expect.stringContaining('has not answered') });
    expect(persistence.durability?.durable).toBe(false);
  });

  it('that comes later is the one that is tried again', async () => {
    disk.trouble = 'full';
    await persistence.keep(choice(1));
    await persistence.keep(choice(2));
    disk.trouble = 'none';
    await vi.advanceTimersByTimeAsync(5000);
    expect([disk.kept, disk.sequence]).toEqual([choice(2), 1n]);
  });

  it('is tried no more by what another has taken the place of', async () => {
    disk.trouble = 'full';
    await persistence.keep(choice(1));
    persistence.close();
    disk.trouble = 'none';
    await vi.advanceTimersByTimeAsync(60_000);
    expect(disk.kept).toBeNull();
  });
});

describe('a threshold that the guard takes back', () => {
  const fixed = choice(1, 'fixed');

  it('is kept as taken back', async () => {
    await persistence.keep(fixed);
    persistence.revoke(1);
    await persistence.flush();
    expect(disk.kept).toEqual({ ...fixed, isRevoked: true });
  });

  it('is kept as such also when the choice itself is only written later', async () => {
    disk.trouble = 'full';
    await persistence.keep(fixed);
    persistence.revoke(1);
    disk.trouble = 'none';
    await vi.advanceTimersByTimeAsync(5000);
    expect(disk.kept).toEqual({ ...fixed, isRevoked: true });
  });

  it('does not come before what an operator has told another server since', async () => {
    await persistence.keep(fixed);
    await disk.saveChoice('m', choice(2));
    persistence.revoke(1);
    await persistence.flush();
    expect([disk.kept, errors]).toEqual([choice(2), []]);
  });

  it('is another one than the operator has chosen since', async () => {
    await persistence.keep({ ...fixed, threshold: 2 });
    persistence.revoke(1);
    await persistence.flush();
    expect(disk.kept?.isRevoked).toBe(false);
  });
});
