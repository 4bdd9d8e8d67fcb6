import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JobQueue } from '../../src/runtime/job-queue.ts';
import { RunJob } from '../../src/runtime/run-job.ts';

function named(name: string, aborted: string[] = [], signal?: AbortSignal): RunJob {
  const outcome = { resolve: () => undefined, reject: () => aborted.push(name) };
  return new RunJob({ inputs: [], outputs: [name], signal }, 'nothing', name.startsWith('s'), outcome);
}

const nameOf = (job: RunJob | undefined) => job?.run.outputs[0];
const queueOf = (shadow = 10, onLeft = () => undefined) => new JobQueue(shadow, onLeft);

describe('JobQueue', () => {
  it('gives production in order, and shadow jobs only when no production waits', () => {
    const queue = queueOf();
    for (const name of ['s1', 'p1', 's2', 'p2']) queue.offer(named(name));
    expect(queue.takeShadow()).toBeUndefined();
    expect(nameOf(queue.takeProduction())).toBe('p1');
    expect(nameOf(queue.takeProduction())).toBe('p2');
    expect(queue.takeProduction()).toBeUndefined();
    expect([nameOf(queue.takeShadow()), nameOf(queue.takeShadow()), queue.takeShadow()]).toEqual([
      's1',
      's2',
      undefined,
    ]);
  });

  it('refuses one shadow job too many, whatever production has', () => {
    const queue = queueOf(1);
    const offered = ['p1', 's1', 's2', 'p2', 'p3'].map((name) => queue.offer(named(name)));
    expect(offered).toEqual([true, true, false, true, true]);
    expect([queue.production, queue.shadow]).toEqual([3, 1]);
    queue.drainProduction();
    queue.takeShadow();
    expect(queue.offer(named('s3'))).toBe(true);
  });

  it('takes a shadow job that goes on with something first, whatever room there is', () => {
    const queue = queueOf(1);
    const goingOn = new RunJob({ inputs: [], outputs: ['s2'], goesFirst: true }, 'nothing', true, {
      resolve: () => undefined,
      reject: () => undefined,
    });
    expect(['s1', 's3'].map((name) => queue.offer(named(name)))).toEqual([true, false]);
    expect(queue.offer(goingOn)).toBe(true);
    expect([nameOf(queue.takeShadow()), nameOf(queue.takeShadow())]).toEqual(['s2', 's1']);
  });

  it('drops an aborted job out of the middle, and tells it once', () => {
    const aborted: string[] = [];
    const gone = new AbortController();
    const left: number[] = [];
    const queue = queueOf(10, () => void left.push(queue.production));
    for (const name of ['p1', 'p2', 'p3'])
      queue.offer(named(name, aborted, name === 'p2' ? gone.signal : undefined));
    gone.abort();
    expect(aborted).toEqual(['p2']);
    expect(left).toEqual([2]);
    expect([nameOf(queue.takeProduction()), nameOf(queue.takeProduction())]).toEqual(['p1', 'p3']);
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

  it('never holds a job that is aborted already, and ends it', () => {
    const aborted: string[] = [];
    const queue = queueOf();
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
      queue.takeProduction()?.start();
      queue.offer(named('s', aborted, lasting.signal));
      queue.takeShadow()?.start();
    }
    queue.offer(named('p', aborted, lasting.signal));
    queue.offer(named('s', aborted, lasting.signal));
    expect(getEventListeners(lasting.signal, 'abort').length).toBe(2);
    for (const job of [...queue.drainProduction(), ...queue.drainShadow()]) job.cancel();
    expect(aborted).toEqual(['p', 's']);
    expect(getEventListeners(lasting.signal, 'abort').length).toBe(0);
    lasting.abort();
    expect(aborted).toEqual(['p', 's']);
  });

  it('gives every job exactly once: taken, aborted or refused', () => {
    const steps = fc.array(fc.constantFrom('production', 'shadow', 'take', 'take-shadow', 'abort', 'drain'), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(steps, fc.nat(4), (sequence, shadow) => {
        const queue = queueOf(shadow + 1);
        const ends: string[] = [];
        const signals: AbortController[] = [];
        const take = (jobs: readonly (RunJob | undefined)[]) => {
          for (const job of jobs) {
            job?.start();
            if (job !== undefined) ends.push(nameOf(job)!);
          }
        };
        for (const [i, step] of sequence.entries()) {
          if (step === 'production' || step === 'shadow') {
            const signal = new AbortController();
            signals.push(signal);
            const job = named(`${step === 'shadow' ? 's' : 'p'}${i}`, ends, signal.signal);
            if (!queue.offer(job)) ends.push(nameOf(job)!);
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
