import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Tensor } from '../../../src/protocol/types.ts';
import type { Trial } from '../../../src/runtime/batching/batch-trial.ts';
import { type BatchingOptions, BatchingRuntime } from '../../../src/runtime/batching/batching-runtime.ts';
import type { Run } from '../../../src/runtime/runtime.ts';
import { codeOf } from '../../contracts/runtime-contract.ts';
import { doubling, FakeRuntime, type Model } from '../fake-runtime.ts';

const Y = ['y'];
const row = (...values: readonly number[]): Run => ({
  outputs: Y,
  inputs: [{ name: 'x', datatype: 'FP32', shape: [1, values.length], elements: Float32Array.from(values) }],
});
const rows = (count: number): Run => ({
  outputs: Y,
  inputs: [{ name: 'x', datatype: 'FP32', shape: [count, 1], elements: new Float32Array(count) }],
});
const valuesOf = (tensors: readonly Tensor[]) => Array.from(tensors[0]!.elements as Float32Array);
const sizes = (inner: FakeRuntime) => inner.runs.map(({ inputs }) => inputs[0]!.shape[0]);

/** Two runs that keep the one worker and its mailbox busy, so that others wait. */
async function occupied(model: Model = doubling, options: Partial<BatchingOptions> = {}, trial = true) {
  const inner = new FakeRuntime(model);
  const batches: number[] = [];
  const decisions: Trial[] = [];
  const runtime = new BatchingRuntime(inner, {
    maxBatch: 8,
    maxDelayMs: 0,
    maxQueue: 64,
    onBatch: (requests) => batches.push(requests),
    onDecision: (trial) => decisions.push(trial),
    ...options,
  });
  if (trial) {
    for (let i = 0; i < 8; i++) {
      const pair = [runtime.run(row(1)), runtime.run(row(2))];
      await new Promise((resolve) => setImmediate(resolve));
      await inner.finish();
      await Promise.all(pair);
    }
    expect(decisions).toEqual([{ kind: 'proven' }]);
    inner.runs.length = 0;
    batches.length = 0;
  }
  const before = [
    runtime.run({ ...row(0), outputs: ['other'] }),
    runtime.run({ ...row(0), outputs: ['one'] }),
  ];
  await new Promise((resolve) => setImmediate(resolve));
  expect(inner.pending).toBe(2);
  inner.runs.length = 0;
  batches.length = 0;
  return { inner, runtime, batches, decisions, before };
}

describe('requests', () => {
  it('share the run that is next, up to its rows, and get their own answers', async () => {
    const { inner, runtime, batches } = await occupied();
    const answers = Array.from({ length: 11 }, (_, i) => runtime.run(row(i)));
    expect(runtime.pending).toBe(13);
    await inner.finish();
    for (const [i, answer] of (await Promise.all(answers)).entries()) {
      expect(valuesOf(answer.outputs)).toEqual([2 * i]);
      expect(answer.outputs[0]!.shape).toEqual([1, 1]);
      expect(answer.requests).toBe(i < 8 ? 8 : 3);
    }
    expect(sizes(inner)).toEqual([8, 3]);
    expect(batches).toEqual([8, 3]);
    expect(runtime.pending).toBe(0);
  });

  it('are those of one turn of the event loop where nothing keeps them waiting', async () => {
    const inner = new FakeRuntime(doubling);
    const runtime = new BatchingRuntime(inner, { maxBatch: 8, maxDelayMs: 0, maxQueue: 64 });
    const answers = [runtime.run(row(1)), runtime.run(row(2)), runtime.run(row(3))];
    expect(inner.runs).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    // The trial: together, and each alone.
    expect(sizes(inner).toSorted()).toEqual([1, 1, 1, 3]);
    await inner.finish();
    expect((await Promise.all(answers)).map(({ outputs }) => valuesOf(outputs))).toEqual([[2], [4], [6]]);
  });

  it('with other outputs, thresholds or shapes ride apart; large ones alone', async () => {
    const { inner, runtime } = await occupied();
    const mixed = [
      row(1),
      row(1, 2),
      { ...row(3), thresholds: Float32Array.of(1) },
      rows(9),
      row(4),
      { ...row(5), thresholds: Float32Array.of(1) },
    ];
    const answers = mixed.map((run) => runtime.run(run));
    await inner.finish();
    await Promise.all(answers);
    // What is full need not wait for the end of the turn.
    expect(sizes(inner)).toEqual([9, 2, 1, 2]);
  });

  it('of any mix get the answers of solo runs', async () => {
    const request = fc.record({
      width: fc.constantFrom(1, 2, 3),
      rows: fc.integer({ min: 0, max: 10 }),
      first: fc.integer({ min: -1, max: 9 }),
      threshold: fc.constantFrom(undefined, 1, 2),
      stepsBefore: fc.integer({ min: 0, max: 2 }),
      gone: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(request, { maxLength: 30 }),
        fc.constantFrom(1, 2, 8),
        async (all, maxBatch) => {
          const inner = new FakeRuntime(doubling);
          const runtime = new BatchingRuntime(inner, { maxBatch, maxDelayMs: 0, maxQueue: 64 });
          const answers: Promise<string>[] = [];
          const expected: string[] = [];
          for (const { width, rows, first, threshold, stepsBefore, gone } of all) {
            for (let i = 0; i < stepsBefore; i++) await inner.step();
            const elements = Float32Array.from({ length: width * rows }, (_, i) => (i === 0 ? first : i));
            const input: Tensor = { name: 'x', datatype: 'FP32', shape: [rows, width], elements };
            const client = new AbortController();
            const run = { inputs: [input], outputs: Y, signal: client.signal };
            const thresholds = threshold === undefined ? undefined : Float32Array.of(threshold);
            const answer = runtime.run({ ...run, thresholds }).then(
              ({ outputs }) => JSON.stringify([outputs[0]!.shape, valuesOf(outputs)]),
              (error) => error.code,
            );
            if (gone) client.abort();
            answers.push(answer);
            const refused = rows > 0 && first < 0;
            const solo = Array.from(elements, (value) => 2 * value);
            expected.push(refused ? 'INVALID_REQUEST' : JSON.stringify([[rows, width], solo]));
          }
          await inner.finish();
          await inner.finish();
          const actual = await Promise.all(answers);
          for (const [i, answer] of actual.entries()) {
            if (!(all[i]!.gone && answer === 'UNAVAILABLE')) expect(answer).toBe(expected[i]);
          }
          expect(runtime.pending).toBe(0);
        },
      ),
    );
  });

  it('that the model refuses fail alone; the others are run again', async () => {
    const { inner, runtime } = await occupied();
    const answers = [1, -1, 3].map((value) => codeOf(runtime.run(row(value))));
    await inner.finish();
    expect(await Promise.all(answers)).toEqual(['no error', 'INVALID_REQUEST', 'no error']);
    expect(sizes(inner)).toEqual([3, 1, 1, 1]);
  });

  it('that go while they wait leave their batch', async () => {
    const { inner, runtime } = await occupied();
    const gone = new AbortController();
    const left = codeOf(runtime.run({ ...row(1), signal: gone.signal }));
    const stays = runtime.run(row(2));
    gone.abort();
    expect(runtime.pending).toBe(3);
    await inner.finish();
    expect([await left, valuesOf((await stays).outputs)]).toEqual(['UNAVAILABLE', [4]]);
    expect(sizes(inner)).toEqual([1]);
  });

  it('count one by one against the queue', async () => {
    const { inner, runtime } = await occupied(doubling, { maxQueue: 3 }, true);
    const codes = Array.from({ length: 5 }, (_, i) => codeOf(runtime.run(row(i))));
    await inner.finish();
    expect(await Promise.all(codes)).toEqual([
      'no error',
      'no error',
      'no error',
      'OVERLOADED',
      'OVERLOADED',
    ]);
  });
});

describe('the trial', () => {
  /** Each row less the mean of all rows: what a signature does not show. */
  const centred: Model = ({ inputs: [input] }) => {
    const values = input!.elements as Float32Array;
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    return [{ ...input!, name: 'y', elements: values.map((value) => value - mean) }];
  };

  it('refutes a model whose rows change one another’s answers, and clients never see those', async () => {
    const { inner, runtime, decisions } = await occupied(centred, {}, false);
    const answers = [runtime.run(row(1)), runtime.run(row(5))];
    await inner.finish();
    expect((await Promise.all(answers)).map(({ outputs }) => valuesOf(outputs))).toEqual([[0], [0]]);
    expect(decisions).toEqual([
      { kind: 'refuted', reason: 'a row of a batch is answered otherwise than alone' },
    ]);
    inner.runs.length = 0;
    const later = [runtime.run(row(1)), runtime.run(row(5))];
    await inner.finish();
    await Promise.all(later);
    expect(sizes(inner)).toEqual([1, 1]);
  });

  it('refutes a model whose outputs have other rows', async () => {
    const sum: Model = ({ inputs: [input] }) => [
      { ...input!, name: 'y', shape: [1, 1], elements: Float32Array.of(1) },
    ];
    const { inner, runtime, decisions } = await occupied(sum, {}, false);
    const answers = [runtime.run(row(1)), runtime.run(row(5))];
    await inner.finish();
    await Promise.all(answers);
    expect(decisions).toEqual([
      { kind: 'refuted', reason: 'the outputs do not have one row per row of the inputs' },
    ]);
  });
});

describe('the check that never ends', () => {
  it('finds rows that change one another only later, and ends all sharing', async () => {
    let isContaminated = false;
    const later: Model = (run) => {
      const { inputs } = run;
      const own = doubling(run);
      const values = inputs[0]!.elements as Float32Array;
      if (!isContaminated || values.length === 1) return own;
      return [{ ...own[0]!, elements: values.map(() => Math.max(...values)) }];
    };
    const { inner, runtime, decisions } = await occupied(later);
    await inner.finish();
    isContaminated = true;
    const pair = async () => {
      const both = [runtime.run(row(1)), runtime.run({ ...row(5) })];
      await inner.finish();
      return (await Promise.all(both)).map(({ outputs }) => valuesOf(outputs)[0]);
    };
    for (let i = 0; i < 64; i++) {
      expect(decisions).toHaveLength(1);
      await pair();
    }
    await inner.finish();
    expect(decisions.at(-1)).toEqual({
      kind: 'refuted',
      reason: 'a row of a batch is answered otherwise than alone',
    });
    expect(await pair()).toEqual([2, 10]);
  });

  it('compares dense answers of a pruned batch', async () => {
    const { inner, runtime } = await occupied();
    await inner.finish();
    const thresholds = Float32Array.of(1);
    for (let i = 0; i < 64; i++) {
      const both = [runtime.run({ ...row(1), thresholds }), runtime.run({ ...row(5), thresholds })];
      await inner.finish();
      await Promise.all(both);
    }
    const checks = inner.runs.filter((run) => run.thresholds === undefined && run.outputs[0] === 'y');
    expect(checks.map(({ inputs }) => inputs[0]!.shape[0])).toEqual([2, 1]);
  });
});

describe('the delay', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('keeps a run waiting for others although a worker is free, and no longer', async () => {
    const inner = new FakeRuntime(doubling);
    const runtime = new BatchingRuntime(inner, { maxBatch: 4, maxDelayMs: 10, maxQueue: 64 });
    const answers = [runtime.run(row(1)), runtime.run(row(2))];
    await vi.advanceTimersByTimeAsync(9);
    expect(inner.runs).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(sizes(inner)).toContain(2);
    await inner.finish();
    await Promise.all(answers);
  });

  it('ends early when the batch is full or the runtime closes', async () => {
    const inner = new FakeRuntime(doubling);
    const runtime = new BatchingRuntime(inner, { maxBatch: 2, maxDelayMs: 1000, maxQueue: 64 });
    const full = [runtime.run(row(1)), runtime.run(row(2))];
    expect(inner.runs.length).toBeGreaterThan(0);
    const last = runtime.run(row(3));
    const closed = runtime.close();
    expect(runtime.isReady).toBe(false);
    await inner.finish();
    await Promise.all([...full, last, closed]);
    expect(inner.isReady).toBe(false);
  });
});
