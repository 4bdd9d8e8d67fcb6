import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Job, JobQueue } from '../../../src/runtime/local/job-queue.ts';

interface NamedJob extends Job {
  readonly name: string;
}

function named(name: string, aborted: string[] = [], signal?: AbortSignal): NamedJob {
  return { name, isShadow: name.startsWith('s'), signal, abort: () => aborted.push(name) };
}

const queueOf = (production = 10, shadow = 10) => new JobQueue<NamedJob>({ production, shadow });

describe('JobQueue', () => {
  it('gives production in order, and shadow jobs only when no production waits', () => {
    const queue = queueOf();
    for (const name of ['s1', 'p1', 's2', 'p2']) queue.offer(named(name));
    expect(queue.takeShadow()).toBeUndefined();
    expect(queue.takeProduction()?.name).toBe('p1');
    expect(queue.takeProduction()?.name).toBe('p2');
    expect(queue.takeProduction()).toBeUndefined();
    expect([queue.takeShadow()?.name, queue.takeShadow()?.name, queue.takeShadow()]).toEqual([
      's1',
      's2',
      undefined,
    ]);
  });

  it('refuses what one class cannot hold, whatever the other has', () => {
    const queue = queueOf(2, 1);
    const offered = ['p1', 's1', 's2', 'p2', 'p3'].map((name) => queue.offer(named(name)));
    expect(offered).toEqual([true, true, false, true, false]);
    expect([queue.production, queue.shadow]).toEqual([2, 1]);
    queue.takeProduction();
    expect(queue.offer(named('p4'))).toBe(true);
  });

  it('drops an aborted job out of the middle, and tells it once', () => {
    const aborted: string[] = [];
    const gone = new AbortController();
    const queue = queueOf();
    for (const name of ['p1', 'p2', 'p3'])
      queue.offer(named(name, aborted, name === 'p2' ? gone.signal : undefined));
    gone.abort();
    expect(aborted).toEqual(['p2']);
    expect([queue.takeProduction()?.name, queue.takeProduction()?.name]).toEqual(['p1', 'p3']);
  });

  it('drops every job of one signal', () => {
    const aborted: string[] = [];
    const gone = new AbortController();
    const queue = queueOf();
    for (const name of ['p1', 's1', 'p2', 's2']) queue.offer(named(name, aborted, gone.signal));
    gone.abort();
    expect(aborted).toEqual(['p1', 's1', 'p2', 's2']);
    expect([queue.production, queue.shadow]).toEqual([0, 0]);
  });

  it('never holds a job that is aborted already, even when it is full', () => {
    const aborted: string[] = [];
    const queue = queueOf(1);
    queue.offer(named('p1'));
    expect(queue.offer(named('p2', aborted, AbortSignal.abort()))).toBe(true);
    expect(aborted).toEqual(['p2']);
    expect(queue.production).toBe(1);
  });

  it('leaves nothing behind on a signal that outlives its jobs', () => {
    const lasting = new AbortController();
    const aborted: string[] = [];
    const queue = queueOf();
    for (let i = 0; i < 5; i++) {
      queue.offer(named('p', aborted, lasting.signal));
      queue.takeProduction();
      queue.offer(named('s', aborted, lasting.signal));
      queue.takeShadow();
    }
    queue.offer(named('p', aborted, lasting.signal));
    queue.offer(named('s', aborted, lasting.signal));
    expect(getEventListeners(lasting.signal, 'abort').length).toBe(2);
    expect([...queue.drainProduction(), ...queue.drainShadow()].length).toBe(2);
    expect(getEventListeners(lasting.signal, 'abort').length).toBe(0);
    lasting.abort();
    expect(aborted).toEqual([]);
  });

  it('gives every job exactly once: taken, aborted or refused', () => {
    const steps = fc.array(fc.constantFrom('production', 'shadow', 'take', 'take-shadow', 'abort', 'drain'), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(steps, fc.nat(4), fc.nat(4), (sequence, production, shadow) => {
        const queue = queueOf(production + 1, shadow + 1);
        const ends: string[] = [];
        const signals: AbortController[] = [];
        const take = (jobs: readonly (NamedJob | undefined)[]) => {
          for (const job of jobs) if (job !== undefined) ends.push(job.name);
        };
        for (const [i, step] of sequence.entries()) {
          if (step === 'production' || step === 'shadow') {
            const signal = new AbortController();
            signals.push(signal);
            const job = named(`${step === 'shadow' ? 's' : 'p'}${i}`, ends, signal.signal);
            if (!queue.offer(job)) ends.push(job.name);
          } else if (step === 'take') take([queue.takeProduction()]);
          else if (step === 'take-shadow') take([queue.takeShadow()]);
          else if (step === 'abort') signals[i % Math.max(1, signals.length)]?.abort();
          else take(queue.drainShadow());
        }
        take([...queue.drainProduction(), ...queue.drainShadow()]);
        for (const signal of signals) signal.abort();
        expect(ends.length).toBe(signals.length);
        expect(new Set(ends).size).toBe(signals.length);
      }),
    );
  });
});
