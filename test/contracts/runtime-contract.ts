import type { ModelProto } from 'onnx-buf';
import { afterEach, describe, expect, it } from 'vitest';
import { ServingError } from '../../src/config/errors.ts';
import { nonzeroCount, tails } from '../../src/estimator/histogram.ts';
import type { Tensor } from '../../src/protocol/types.ts';
import type { Runtime, ShadowResult, ShadowRun } from '../../src/runtime/runtime.ts';
import { floats, numbers, run as runPlain } from '../onnx/reference.ts';
import { perceptron, perceptronInput, perceptronReference, slow, trips } from '../runtime/small-models.ts';
import { tensorCases } from './tensor-cases.ts';

export interface RuntimeLimits {
  readonly maxQueue: number;
  readonly maxShadowQueue: number;
}

/** A runtime that runs one model after another; `started` counts the runs that reached the model. */
export interface RuntimeUnderTest {
  readonly runtime: Runtime;
  readonly started: () => number;
}

export type OpenRuntime = (model: ModelProto, limits: RuntimeLimits) => Promise<RuntimeUnderTest>;

const LIMITS: RuntimeLimits = { maxQueue: 64, maxShadowQueue: 8 };
const Y = ['y'];
const at = (threshold: number) => Float32Array.of(threshold);
const valuesOf = (tensor: Tensor) => Array.from(tensor.elements as Float32Array);

export function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof ServingError ? error.code : String(error)),
  );
}

/** What every `Runtime` does. @param open - starts one with a single worker. */
export function runtimeContract(open: OpenRuntime): void {
  const opened: Runtime[] = [];
  const start = async (model: ModelProto = perceptron(), limits: Partial<RuntimeLimits> = {}) => {
    const under = await open(model, { ...LIMITS, ...limits });
    opened.push(under.runtime);
    return under;
  };
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((runtime) => runtime.close()));
  });

  describe('answers', () => {
    it('are bit-identical to the plain model’s without thresholds', async () => {
      const { runtime } = await start();
      for (const rows of [1, 2, 7, 100]) {
        const x = perceptronInput(rows, rows);
        const { outputs } = await runtime.run({ inputs: [x], outputs: Y, keepInputs: true });
        const plain = await runPlain(perceptron(), { x: floats(valuesOf(x), x.shape) });
        expect(outputs.map(({ name, shape }) => ({ name, shape }))).toEqual([
          { name: 'y', shape: [rows, 3] },
        ]);
        expect(valuesOf(outputs[0]!)).toEqual(numbers(plain.y));
      }
    });

    it.each([0, 1, 2, 20, 26, 27, 1e9])('are those of activations zeroed below τ = %d', async (threshold) => {
      const { runtime } = await start();
      const x = perceptronInput(5);
      const { outputs } = await runtime.run({ inputs: [x], outputs: Y, thresholds: at(threshold) });
      expect(valuesOf(outputs[0]!)).toEqual(perceptronReference(valuesOf(x), threshold).y);
    });

    it('count their time and wait', async () => {
      const { runtime } = await start(slow());
      const result = await runtime.run({ inputs: [trips(2000)], outputs: Y });
      expect(result.inferMs).toBeGreaterThan(0);
      expect(result.queueMs).toBeGreaterThanOrEqual(0);
      expect(runtime.busy.productionMs).toBeCloseTo(result.inferMs, 9);
      expect(runtime.busy.shadowMs).toBe(0);
      expect(runtime.isReady).toBe(true);
    });

    it('hold an empty batch as it is', async () => {
      const { runtime } = await start();
      const empty: Tensor = { name: 'x', datatype: 'FP32', shape: [0, 4], elements: new Float32Array() };
      const { outputs } = await runtime.run({ inputs: [empty], outputs: Y, thresholds: at(1) });
      expect(outputs[0]).toMatchObject({ shape: [0, 3], elements: new Float32Array() });
    });
  });

  describe('inputs', () => {
    it.each(tensorCases)('of $datatype go in and come out as they are', async ({ model, input, output }) => {
      const { runtime } = await start(model);
      const { outputs } = await runtime.run({ inputs: [input], outputs: Y });
      expect(outputs[0]).toEqual({ ...output, name: 'y' });
    });

    it('that are kept are untouched, whatever their size, and so is the memory around a view', async () => {
      const { runtime } = await start();
      const whole = perceptronInput(10_000).elements as Float32Array;
      const view = whole.subarray(4, 8);
      const kept: Tensor = { name: 'x', datatype: 'FP32', shape: [10_000, 4], elements: whole };
      const part: Tensor = { name: 'x', datatype: 'FP32', shape: [1, 4], elements: view };
      const expected = perceptronReference(Array.from(view)).y;
      await runtime.run({ inputs: [kept], outputs: Y, keepInputs: true });
      const { outputs } = await runtime.run({ inputs: [part], outputs: Y });
      expect(valuesOf(outputs[0]!)).toEqual(expected);
      expect(whole.length).toBe(40_000);
    });

    const x = perceptronInput(1);
    it.each<[string, Tensor[], string[]]>([
      ['another width', [{ ...x, shape: [1, 3], elements: new Float32Array(3) }], Y],
      ['another rank', [{ ...x, shape: [4] }], Y],
      ['too few elements', [{ ...x, shape: [2, 4] }], Y],
      ['another type', [{ ...x, datatype: 'FP64', elements: new Float64Array(4) }], Y],
      ['an unknown name', [{ ...x, name: 'z' }], Y],
      ['no input at all', [], Y],
      ['an unknown output', [x], ['z']],
      ['text that is not UTF-8', [{ ...x, datatype: 'BYTES', elements: [Uint8Array.of(0xff)] }], Y],
    ])('with %s are refused, and the next ones are answered', async (_, inputs, outputs) => {
      const { runtime } = await start();
      expect(await codeOf(runtime.run({ inputs, outputs, thresholds: at(1) }))).toBe('INVALID_REQUEST');
      const good = await runtime.run({ inputs: [x], outputs: Y, keepInputs: true });
      expect(valuesOf(good.outputs[0]!)).toEqual(perceptronReference(valuesOf(x)).y);
    });

    it('that cannot be handed over at all take no worker’s time for ever', async () => {
      const { runtime } = await start();
      const gone = new Float32Array(1 << 16);
      structuredClone(gone, { transfer: [gone.buffer] });
      const inputs: Tensor[] = [{ name: 'x', datatype: 'FP32', shape: [1 << 14, 4], elements: gone }];
      for (let i = 0; i < 5; i++)
        expect(await codeOf(runtime.run({ inputs, outputs: Y }))).toBe('INVALID_REQUEST');
      expect(await codeOf(runtime.run({ inputs: [x], outputs: Y, keepInputs: true }))).toBe('no error');
    });
  });

  describe('a shadow run', () => {
    const x = perceptronInput(40);
    const shadowed = async (run: Omit<ShadowRun, 'inputs' | 'outputs'>): Promise<ShadowResult> => {
      const { runtime } = await start();
      const result = await runtime.shadow({ inputs: [x], outputs: Y, keepInputs: true, ...run });
      if (result === 'dropped') throw new Error('an idle runtime drops nothing');
      expect(runtime.busy.shadowMs).toBeGreaterThan(0);
      expect(runtime.busy.productionMs).toBe(0);
      return result;
    };
    const { activations } = perceptronReference(valuesOf(x));
    const nonzero = activations.filter((a) => a > 0);
    const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

    it('counts the magnitudes before the gates, at any threshold', async () => {
      for (const threshold of [0, 20]) {
        const { histograms, outputs } = await shadowed({ thresholds: at(threshold), measure: 'histogram' });
        expect(histograms.length).toBe(1);
        expect(nonzeroCount(histograms[0]!)).toBe(nonzero.length);
        expect(histograms[0]!.zeros).toBe(activations.length - nonzero.length);
        expect(tails(histograms[0]!).sum[0]).toBe(sum(nonzero));
        expect(valuesOf(outputs[0]!)).toEqual(perceptronReference(valuesOf(x), threshold).y);
      }
    });

    it('counts what passes the gates', async () => {
      const { retained, histograms } = await shadowed({ thresholds: at(20), measure: 'retained' });
      const passed = nonzero.filter((a) => a >= 20);
      expect(retained).toEqual([{ count: passed.length, sum: sum(passed) }]);
      expect(histograms).toEqual([]);
    });

    it('counts what would pass at other thresholds', async () => {
      const tallyAt = Float32Array.of(1, 13, 26, 1000);
      const { retained } = await shadowed({ thresholds: at(0), measure: { tallyAt } });
      const expected = Array.from(tallyAt, (t) => nonzero.filter((a) => a >= t));
      expect(retained).toEqual(expected.map((passed) => ({ count: passed.length, sum: sum(passed) })));
    });

    it('that the model refuses is an error, and nothing else', async () => {
      const { runtime } = await start();
      const bad: Tensor = { ...x, shape: [32, 5] };
      const run = runtime.shadow({ inputs: [bad], outputs: Y, thresholds: at(0), measure: 'histogram' });
      expect(await codeOf(run)).toBe('INVALID_REQUEST');
      expect(await codeOf(runtime.run({ inputs: [x], outputs: Y, keepInputs: true }))).toBe('no error');
    });
  });

  describe('under load', () => {
    const one = { inputs: [trips(200)], outputs: Y, keepInputs: true };
    const shadowOne: ShadowRun = { ...one, thresholds: new Float32Array(), measure: 'nothing' };

    it('refuses what the queue cannot hold, answers what it accepted, and takes new runs afterwards', async () => {
      const { runtime } = await start(slow(), { maxQueue: 4 });
      const runs = Array.from({ length: 40 }, () => codeOf(runtime.run(one)));
      // Something runs, and the queue holds no more than it may.
      expect(runtime.waiting).toBeLessThan(runtime.pending);
      expect(runtime.waiting).toBeLessThanOrEqual(4 + 1);
      const codes = await Promise.all(runs);
      expect(runtime.waiting).toBe(0);
      const refused = codes.filter((code) => code === 'OVERLOADED').length;
      const answered = codes.filter((code) => code === 'no error').length;
      expect(refused + answered).toBe(40);
      expect(answered).toBeGreaterThanOrEqual(5);
      expect(refused).toBeGreaterThanOrEqual(30);
      expect(runtime.pending).toBe(0);
      expect(await codeOf(runtime.run(one))).toBe('no error');
    });

    it('lets production overtake the shadow runs that wait', async () => {
      const { runtime } = await start(slow());
      const order: string[] = [];
      const shadows = [0, 1].map(() => runtime.shadow(shadowOne).then(() => order.push('shadow')));
      const production = Array.from({ length: 8 }, () =>
        runtime.run(one).then(() => order.push('production')),
      );
      await Promise.all([...shadows, ...production]);
      // One shadow run may have begun before production came.
      expect(order.lastIndexOf('production')).toBeLessThan(order.lastIndexOf('shadow'));
      expect(order.slice(1, 8)).not.toContain('shadow');
    });

    it('drops the shadow runs that cannot wait, and no production', async () => {
      const { runtime } = await start(slow(), { maxShadowQueue: 2 });
      const production = Array.from({ length: 4 }, () => codeOf(runtime.run(one)));
      const shadows = Array.from({ length: 5 }, () => runtime.shadow(shadowOne));
      const dropped = (await Promise.all(shadows)).filter((result) => result === 'dropped');
      expect(dropped.length).toBe(3);
      expect(await Promise.all(production)).toEqual(['no error', 'no error', 'no error', 'no error']);
    });

    it('never runs what was aborted while it waited, and leaves the rest alone', async () => {
      const { runtime, started } = await start(slow());
      const gone = new AbortController();
      const runs = Array.from({ length: 6 }, () => codeOf(runtime.run(one)));
      const aborted = codeOf(runtime.run({ ...one, signal: gone.signal }));
      const late = codeOf(runtime.run({ ...one, signal: AbortSignal.abort() }));
      const pending = runtime.pending;
      gone.abort();
      expect(runtime.pending).toBe(pending - 1);
      expect(await Promise.all([aborted, late])).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
      expect(await Promise.all(runs)).toEqual(new Array(6).fill('no error'));
      expect(started()).toBe(6);
    });
  });

  describe('closing', () => {
    const one = { inputs: [trips(200)], outputs: Y, keepInputs: true };
    const shadowOne: ShadowRun = { ...one, thresholds: new Float32Array(), measure: 'nothing' };

    it('finishes the production that was accepted, drops the shadow runs, then refuses', async () => {
      const { runtime } = await start(slow());
      const production = Array.from({ length: 6 }, () => codeOf(runtime.run(one)));
      const shadows = Array.from({ length: 3 }, () => runtime.shadow(shadowOne));
      const closed = Promise.all([runtime.close(), runtime.close()]);
      expect(runtime.isReady).toBe(false);
      expect(await codeOf(runtime.run(one))).toBe('UNAVAILABLE');
      expect(await runtime.shadow(shadowOne)).toBe('dropped');
      expect(await Promise.all(production)).toEqual(new Array(6).fill('no error'));
      expect(await Promise.all(shadows)).toEqual(new Array(3).fill('dropped'));
      await closed;
      await runtime.close();
      expect(await codeOf(runtime.run(one))).toBe('UNAVAILABLE');
    });

    it('finishes or drops a shadow run that is under way, which is no failure', async () => {
      const { runtime } = await start(slow());
      const shadow = runtime.shadow({ ...shadowOne, inputs: [trips(5000)] });
      await runtime.close();
      expect(await codeOf(shadow)).toBe('no error');
    });

    it('ends when the last run that waits is aborted', async () => {
      const { runtime } = await start(slow());
      const gone = new AbortController();
      const runs = Array.from({ length: 3 }, () => codeOf(runtime.run(one)));
      const aborted = codeOf(runtime.run({ ...one, signal: gone.signal }));
      const closed = runtime.close();
      gone.abort();
      await closed;
      expect(await aborted).toBe('UNAVAILABLE');
      expect(await Promise.all(runs)).toEqual(new Array(3).fill('no error'));
    });
  });
}
