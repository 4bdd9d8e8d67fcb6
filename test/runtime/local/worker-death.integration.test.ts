import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WorkerRuntime } from '../../../src/runtime/local/worker-runtime.ts';
import { codeOf } from '../../contracts/runtime-contract.ts';
import { openRuntime, setupOf } from '../open-runtime.ts';
import { perceptron, perceptronInput, perceptronReference, slow, trips } from '../small-models.ts';
import { spyOnWorkers, type WorkerSpy } from '../worker-spy.ts';

const BRIEF = { inputs: [trips(10)], outputs: ['y'], keepInputs: true };

let spy: WorkerSpy;
beforeEach(() => {
  spy = spyOnWorkers();
});
afterEach(() => spy.restore());

describe('a worker that dies', () => {
  it('fails the runs it had once, and is replaced: what waited is answered', async () => {
    const lost: string[] = [];
    const runtime = await openRuntime(slow(), { onWorkerLost: ({ code }) => lost.push(code) });
    spy.killNext();
    const doomed = [runtime.run(BRIEF), runtime.run(BRIEF)].map(codeOf);
    const waiting = [runtime.run(BRIEF), runtime.run(BRIEF)].map(codeOf);
    expect(await Promise.all(doomed)).toEqual(['WORKER_LOST', 'WORKER_LOST']);
    expect(runtime.isReady).toBe(false);
    expect(await Promise.all(waiting)).toEqual(['no error', 'no error']);
    expect(runtime.isReady).toBe(true);
    expect(lost).toEqual(['WORKER_LOST']);
    expect(runtime.pending).toBe(0);
    await runtime.close();
  });

  it('leaves the other workers answering', async () => {
    const runtime = await openRuntime(slow(), { workers: 2 });
    spy.killNext();
    const doomed = codeOf(runtime.run(BRIEF));
    const killed = spy.latest();
    const answered = await Promise.all(Array.from({ length: 6 }, () => codeOf(runtime.run(BRIEF))));
    expect(answered.filter((code) => code === 'no error').length).toBeGreaterThanOrEqual(5);
    expect(await doomed).toBe('WORKER_LOST');
    expect(await codeOf(runtime.run(BRIEF))).toBe('no error');
    expect(spy.latest()).not.toBe(killed);
    await runtime.close();
  });

  it('fails the shadow run it had, which is no drop', async () => {
    const runtime = await openRuntime(slow());
    spy.killNext();
    const shadow = runtime.shadow({ ...BRIEF, thresholds: new Float32Array(), measure: 'nothing' });
    expect(await codeOf(shadow)).toBe('WORKER_LOST');
    expect(await codeOf(runtime.run(BRIEF))).toBe('no error');
    await runtime.close();
  });

  it('while closing still gets a successor for the runs that were accepted', async () => {
    const runtime = await openRuntime(slow());
    spy.killNext();
    const doomed = [runtime.run(BRIEF), runtime.run(BRIEF)].map(codeOf);
    const waiting = [runtime.run(BRIEF), runtime.run(BRIEF)].map(codeOf);
    const closed = runtime.close();
    expect(await Promise.all(doomed)).toEqual(['WORKER_LOST', 'WORKER_LOST']);
    expect(await Promise.all(waiting)).toEqual(['no error', 'no error']);
    await closed;
  });

  it('does not keep a runtime from closing while its successor is awaited', async () => {
    const runtime = await openRuntime(slow());
    spy.killNext();
    const doomed = codeOf(runtime.run(BRIEF));
    expect(await doomed).toBe('WORKER_LOST');
    await runtime.close();
    await sleep(300);
    expect(runtime.isReady).toBe(false);
    expect(await codeOf(runtime.run(BRIEF))).toBe('UNAVAILABLE');
  });
});

describe('a worker that dies while a threshold is being baked in', () => {
  it('is replaced by one worker, not two, and answers stay those of the gates', async () => {
    const sites = { scheme: 'activations' } as const;
    const runtime = await openRuntime(perceptron(), { sites });
    const x = perceptronInput(3);
    const thresholds = Float32Array.of(20);
    const answer = async () => {
      const run = { inputs: [x], outputs: ['y'], thresholds, keepInputs: true };
      return Array.from((await runtime.run(run)).outputs[0]!.elements as Float32Array);
    };
    const expected = perceptronReference(Array.from(x.elements as Float32Array), 20).y;
    expect(await answer()).toEqual(expected);
    runtime.prepare(20);
    spy.killNext();
    expect(await codeOf(answer())).toBe('WORKER_LOST');
    expect(await answer()).toEqual(expected);
    await sleep(1000);
    const used = new Set<unknown>();
    for (let i = 0; i < 8; i++) {
      const both = [0, 1].map(() => {
        const answered = answer();
        used.add(spy.latest());
        return answered;
      });
      expect(await Promise.all(both)).toEqual([expected, expected]);
    }
    expect(used.size).toBe(1);
    await runtime.close();
  });
});

describe('a model that cannot be opened', () => {
  it('stops the start and leaves no worker behind', async () => {
    const setup = { ...setupOf(perceptron()), plain: new Uint8Array([1, 2, 3]) };
    const options = { workers: 2, maxQueue: 1, maxShadowQueue: 1 };
    expect(await codeOf(WorkerRuntime.start(setup, options))).toBe('MODEL_INVALID');
  });

  it('with its baked threshold is answered by the live gates, also after a worker died', async () => {
    // Globs that match nothing: there is no site to bake a threshold into.
    const sites = { scheme: 'activations', include: ['nowhere'] } as const;
    const runtime = await openRuntime(perceptron(), { sites });
    const x = perceptronInput(3);
    const run = { inputs: [x], outputs: ['y'], thresholds: Float32Array.of(20), keepInputs: true };
    runtime.prepare(20);
    await sleep(500);
    spy.killNext();
    expect(await codeOf(runtime.run(run))).toBe('WORKER_LOST');
    const { outputs } = await runtime.run(run);
    const expected = perceptronReference(Array.from(x.elements as Float32Array), 20).y;
    expect(Array.from(outputs[0]!.elements as Float32Array)).toEqual(expected);
    await runtime.close();
  });
});
