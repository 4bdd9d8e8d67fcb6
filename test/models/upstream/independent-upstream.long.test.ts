// The upstream server is one that shares no code with taustat, and goes wrong in every way: nothing wrong is answered, nothing hangs.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ServingError } from '../../../src/config/errors.ts';
import { nonzeroCount } from '../../../src/estimator/histogram.ts';
import { instrument } from '../../../src/onnx/instrument.ts';
import type { InferResponse, Tensor } from '../../../src/protocol/types.ts';
import { tryNative } from '../../../src/runtime/local/native/load.ts';
import { OrtSession } from '../../../src/runtime/local/ort-session.ts';
import { thresholdInput } from '../../../src/runtime/local/session.ts';
import type { ShadowResult } from '../../../src/runtime/runtime.ts';
import { connectUpstream } from '../../../src/runtime/upstream/connect.ts';
import { readUpstreamModel } from '../../../src/runtime/upstream/upstream-model.ts';
import { UpstreamRuntime } from '../../../src/runtime/upstream/upstream-runtime.ts';
import { writeTarget } from '../../../src/tools/export/targets.ts';
import { upstreamExport } from '../../../src/tools/export/upstream-export.ts';
import { randomOf } from '../../native/sparse-law.ts';
import { bytesOf, perceptron, perceptronInput, perceptronReference } from '../../runtime/small-models.ts';
import { INSTRUMENTED, PLAIN } from '../../runtime/upstream/upstream-lab.ts';
import { Independent } from '../../upstream/independent.ts';
import { WIDTHS, wideMlp } from '../../wide-mlp.ts';
import { type Front, openFront, until } from './front.ts';

const TAU = 20;
const pair = (plain: Uint8Array) => ({
  [PLAIN]: plain,
  [INSTRUMENTED]: upstreamExport(plain, { scheme: 'activations' }).bytes,
});
const x = perceptronInput(3);
const call = { inputs: [x] };
const valuesOf = ({ outputs }: Pick<InferResponse, 'outputs'>) =>
  Array.from(outputs[0]!.elements as Float32Array);
const reference = (threshold: number) =>
  perceptronReference(Array.from(x.elements as Float32Array), threshold).y;
/** Without samples, which would soon refute such a threshold. */
const FIXED = { control: { mode: 'fixed', threshold: TAU }, sampling: { ratio: 0 } } as const;

describe.each(['http', 'grpc'] as const)('in front of an independent server, over %s', (protocol) => {
  let server: Independent;
  let front: Front;
  const answered = () => front.taustat.infer(call);
  const codeOf = (asked: Promise<unknown>) =>
    asked.then(
      () => 'answered',
      (error: unknown) => (error instanceof ServingError ? error.code : String(error)),
    );
  /** Every answer is one of the two that are right. @returns its threshold. */
  const rightly = async (): Promise<number> => {
    const response = await answered();
    const { threshold } = response.parameters;
    expect(valuesOf(response)).toEqual(reference(Number(threshold)));
    return Number(threshold);
  };
  const prunes = async () => (await rightly().catch(() => 0)) === TAU;

  beforeAll(async () => {
    server = await Independent.start(pair(bytesOf(perceptron())));
  });
  afterAll(() => server.close());
  beforeEach(async () => {
    await server.fault({});
    front = await openFront(server[protocol], FIXED);
  });
  afterEach(() => front.taustat.close());

  it('prunes, and is bit-identical to the plain model where a request wants that', async () => {
    expect(await rightly()).toBe(TAU);
    const dense = await front.taustat.infer({ ...call, parameters: { pruning: 'off' } });
    expect(valuesOf(dense)).toEqual(reference(0));
  });

  it('leaves its batching alive: requests at different thresholds share a run', async () => {
    const client = await connectUpstream(server[protocol], {});
    const inputs = Array.from({ length: 12 }, (_, i) => perceptronInput(1, i));
    const answers = await Promise.all(
      inputs.map((input, i) =>
        client.infer({
          model: INSTRUMENTED,
          inputs: [input, { ...thresholdInput(Float32Array.of(5 * i)), shape: [1, 1] }],
          outputs: ['y'],
          headers: {},
          signal: AbortSignal.timeout(60_000),
        }),
      ),
    );
    for (const [i, outputs] of answers.entries())
      expect(valuesOf({ outputs })).toEqual(
        perceptronReference(Array.from(inputs[i]!.elements as Float32Array), 5 * i).y,
      );
    expect((await server.seen()).largest).toBeGreaterThan(1);
    await client.close();
  });

  it.each(['nan', 'rows', 'missing', 'datatype', 'garbage'])(
    'answers dense while the instrumented model lies: %s',
    async (kind) => {
      await server.fault({ lie: { model: INSTRUMENTED, kind } });
      for (let i = 0; i < 5; i++) expect(await rightly()).toBe(0);
      expect(await front.taustat.metrics().then(({ body }) => body)).toMatch(
        kind === 'nan'
          ? /taustat_nonfinite_answers_total\{model="m",version="1"\} [1-5]/
          : /taustat_pruned_answers_missing_total\{model="m",version="1"\} [1-5]/,
      );
      await server.fault({});
      // What NaN means is the guard's to judge; the others are no sign of another model.
      if (kind !== 'nan') await until(prunes, 'pruned again');
    },
  );

  it.each(['rows', 'missing', 'datatype', 'garbage'])(
    'answers an error while the plain model lies: %s',
    async (kind) => {
      await server.fault({ lie: { model: PLAIN, kind } });
      const dense = { ...call, parameters: { pruning: 'off' } };
      const isCut = kind === 'rows' || kind === 'missing' || kind === 'datatype';
      await expect(front.taustat.infer(dense)).rejects.toThrow(
        isCut ? /wrong answer|malformed/ : /malformed/,
      );
      expect(await codeOf(front.taustat.infer(dense))).toBe('INFERENCE_FAILED');
    },
  );

  it('goes dense when the instrumented model is taken away, and comes back', async () => {
    expect(await rightly()).toBe(TAU);
    await server.fault({ models: { [INSTRUMENTED]: null } });
    for (let i = 0; i < 5; i++) expect(await rightly()).toBe(0);
    await server.fault({});
    await until(prunes, 'pruned again');
  });

  it('goes dense when the instrumented model answers for another one', async () => {
    // Same shapes, other weights: no answer of it tells.
    await server.close();
    const other = scaled();
    server = await Independent.start({ ...pair(bytesOf(perceptron())), other: pair(other)[INSTRUMENTED]! });
    await front.taustat.close();
    front = await openFront(server[protocol], FIXED);
    expect(await rightly()).toBe(TAU);
    // The request is asked again, of both models, soon and then now and again.
    await until(async () => ((await server.seen()).requests[PLAIN] ?? 0) > 0, 'a canary');
    await server.fault({ models: { [INSTRUMENTED]: 'other' } });
    await until(async () => (await answered()).parameters.threshold === 0, 'dense');
    expect(await rightly()).toBe(0);
    expect(front.log.join('')).toContain('does not answer as');
    const { json } = await front.ask(`/v2/models/${PLAIN}/pruning`);
    expect((json.upstream as { doubt: string }).doubt).toMatch(/does not answer as/);
  });

  it.each([429, 503])('passes on that there is no room: %i', async (status) => {
    await server.fault({ refuse: status });
    expect(await codeOf(answered())).toBe('OVERLOADED');
    await server.fault({});
    await until(prunes, 'pruned again');
  });

  it('passes on a refusal of the request', async () => {
    await server.fault({ refuse: 400 });
    expect(await codeOf(answered())).toBe('INVALID_REQUEST');
    await server.fault({});
    expect(await rightly()).toBe(TAU);
  });

  it('ends a request at its deadline, however slow the server is', async () => {
    await server.fault({ slowMs: 3000 });
    const parameters = { timeout: 100_000 };
    expect(await codeOf(front.taustat.infer({ ...call, parameters }))).toBe('DEADLINE_EXCEEDED');
    await server.fault({});
    await until(prunes, 'pruned again');
  });

  it('answers 503 when connections break, and recovers', async () => {
    await server.fault({ drop: true });
    for (let i = 0; i < 3; i++) expect(await codeOf(answered())).toBe('UNAVAILABLE');
    await server.fault({});
    await until(prunes, 'pruned again');
  });

  it('answers 503 after kill -9, is not ready, and recovers by itself', async () => {
    expect(await rightly()).toBe(TAU);
    const running = Array.from({ length: 20 }, () => codeOf(answered()));
    await server.kill();
    for (const code of await Promise.all(running)) expect(['answered', 'UNAVAILABLE']).toContain(code);
    expect(await codeOf(answered())).toBe('UNAVAILABLE');
    const ready = await front.ask('/v2/health/ready');
    expect(ready).toMatchObject({ status: 503, json: { missing: [PLAIN] } });
    await server.restart();
    await until(prunes, 'pruned again');
    expect((await front.ask('/v2/health/ready')).status).toBe(200);
  });

  it('restarted with another model of the same shapes: its own answers, dense until it is opened anew', async () => {
    expect(await rightly()).toBe(TAU);
    await server.kill();
    await server.restart(pair(scaled()));
    const expected = (threshold: number) => scaledReference(threshold);
    await until(async () => (await codeOf(answered())) === 'answered', 'answers');
    for (let i = 0; i < 10; i++) {
      const response = await answered();
      expect(valuesOf(response)).toEqual(expected(Number(response.parameters.threshold)));
    }
    await until(() => front.log.join('').includes('was replaced'), 'noticed');
    await until(async () => (await answered()).parameters.threshold === TAU, 'opened anew');
    await server.kill();
    await server.restart(pair(bytesOf(perceptron())));
  });

  it('passes on the headers that it is told to, and the parameters of a request', async () => {
    await front.taustat.close();
    front = await openFront(server[protocol], {
      ...FIXED,
      upstream: { token: 'secret-of-upstream', forwardHeaders: ['X-Request-Id', 'traceparent'] },
    });
    const headers: Record<string, string> = {
      'x-request-id': 'abc',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      authorization: 'Bearer of-the-client',
      'x-other': 'stays',
    };
    const context = { header: (name: string) => headers[name] };
    await front.taustat.infer({ ...call, parameters: { priority: 3, pruning: 'on' } }, context);
    const seen = await server.seen();
    expect(seen.headers).toMatchObject({
      'x-request-id': 'abc',
      traceparent: headers.traceparent,
      authorization: 'Bearer secret-of-upstream',
    });
    expect(seen.headers).not.toHaveProperty('x-other');
    expect(Object.keys(seen.parameters)).toEqual(['priority']);
  });
});

describe.each(['http', 'grpc'] as const)('at the start, over %s', (protocol) => {
  let server: Independent;
  beforeAll(async () => {
    server = await Independent.start(pair(bytesOf(perceptron())));
  });
  afterAll(() => server.close());

  it.each([
    ['refuses the token', { unauthorized: true }, /a token is needed/],
    ['has no such model', { models: { [PLAIN]: null } }, /unknown model/],
  ] as const)('a server that %s is told of, and asked again', async (_, faults, reason) => {
    await server.fault(faults);
    const { taustat, ask, log } = await openFront(server[protocol], FIXED);
    expect(await ask('/v2/health/ready')).toMatchObject({ status: 503, json: { missing: [PLAIN] } });
    const refused = await ask(`/v2/models/${PLAIN}`);
    expect(refused.status).toBe(503);
    expect(refused.json.error).toMatch(reason);
    expect(log.join('')).toMatch(reason);
    await server.fault({});
    await until(async () => (await ask('/v2/health/ready')).status === 200, 'ready');
    expect(valuesOf(await taustat.infer(call))).toEqual(reference(TAU));
    await taustat.close();
  });

  it('a server that is not there yet is waited for', async () => {
    await server.kill();
    const { taustat, ask, log } = await openFront(server[protocol], FIXED);
    expect((await ask('/v2/health/ready')).status).toBe(503);
    expect(log.join('')).toMatch(/ECONNREFUSED/);
    await server.restart();
    await until(async () => (await ask('/v2/health/ready')).status === 200, 'ready');
    expect(valuesOf(await taustat.infer(call))).toEqual(reference(TAU));
    await taustat.close();
  });
});

it('a server that takes no binary tensors gets JSON', async () => {
  const server = await Independent.start(pair(bytesOf(perceptron())));
  await server.fault({ json: true });
  const { taustat } = await openFront(server.http, FIXED);
  for (const threshold of [TAU, 0]) {
    const parameters = threshold === 0 ? { pruning: 'off' } : {};
    const response = await taustat.infer({ ...call, parameters });
    expect(response.parameters).toEqual({ threshold });
    expect(valuesOf(response)).toEqual(reference(threshold));
  }
  await taustat.close();
  await server.close();
});

it('NaN in a request is a matter of its client alone: passed on as a binary tensor, refused where there is only JSON', async () => {
  const server = await Independent.start(pair(bytesOf(perceptron())));
  const odd = perceptronInput(2);
  (odd.elements as Float32Array)[0] = Number.NaN;
  for (const json of [false, true]) {
    await server.fault({ json });
    const { taustat, ask } = await openFront(server.http, FIXED);
    const asked = taustat.infer({ inputs: [odd] });
    if (json)
      await expect(asked).rejects.toThrow(
        "input 'x' holds NaN or infinity, which JSON has no word for, and the upstream server takes no binary tensors",
      );
    else expect(valuesOf(await asked).some(Number.isNaN)).toBe(true);
    expect((await ask(`/v2/models/${PLAIN}/pruning`)).json).toMatchObject({ upstream: { doubt: null } });
    expect(valuesOf(await taustat.infer(call))).toEqual(reference(TAU));
    await taustat.close();
  }
  await server.close();
});

describe('an instrumented model that does not show its activations', () => {
  it('is pruned at a fixed threshold and compared, and its restriction is told', async () => {
    const plain = bytesOf(perceptron());
    const { bytes } = instrument(plain, { gate: { kind: 'rows' }, taps: false });
    const server = await Independent.start({ [PLAIN]: plain, [INSTRUMENTED]: bytes });
    const { taustat, ask, log } = await openFront(server.http, {
      // Every activation is a whole number: nothing is lost.
      control: { mode: 'fixed', threshold: 0.5 },
      sampling: { ratio: 1, budget: 1 },
    });
    const pairs = async () => {
      const { json } = await ask(`/v2/models/${PLAIN}/pruning`);
      return (json.agreement as { pairs: number }).pairs;
    };
    for (let i = 0; (await pairs().catch(() => 0)) < 10; i++) {
      const input = perceptronInput(2, i);
      const { outputs, parameters } = await taustat.infer({ inputs: [input] });
      expect(parameters).toEqual({ threshold: 0.5 });
      expect(valuesOf({ outputs })).toEqual(
        perceptronReference(Array.from(input.elements as Float32Array), 0.5).y,
      );
    }
    const { json } = await ask(`/v2/models/${PLAIN}/pruning`);
    expect(json).toMatchObject({
      upstream: {
        capability: 'thresholds',
        reason: `'${INSTRUMENTED}' does not show the activations of site 0 (output 'taustat_tap_0')`,
      },
      sites: [{ name: 'site 0' }],
      shadow: { failed: 0 },
    });
    expect(log.join('')).toContain('no threshold can be found');
    await taustat.close();
    await server.close();
  });
});

describe('one model that prunes and another that shows activations', () => {
  const plain = bytesOf(perceptron());
  const pruning = instrument(plain, { taps: false }).bytes;
  const upstream = {
    models: [{ name: PLAIN, instrumented: 'sparse', statistics: INSTRUMENTED }],
  };

  it('are used for what they can', async () => {
    const server = await Independent.start({ ...pair(plain), sparse: pruning });
    const { taustat, ask } = await openFront(server.http, {
      upstream,
      control: { mode: 'fixed', threshold: 0.5 },
      sampling: { ratio: 1, budget: 1 },
    });
    const report = async () => (await ask(`/v2/models/${PLAIN}/pruning`)).json;
    for (let i = 0; ((await report()).window as { samples: number }).samples < 10; i++) {
      const input = perceptronInput(2, i);
      const { outputs, parameters } = await taustat.infer({ inputs: [input] });
      expect(parameters).toEqual({ threshold: 0.5 });
      expect(valuesOf({ outputs })).toEqual(
        perceptronReference(Array.from(input.elements as Float32Array), 0.5).y,
      );
    }
    expect(await report()).toMatchObject({
      upstream: { capability: 'full', reason: null, doubt: null },
      sites: [{ name: expect.any(String) }],
      shadow: { failed: 0 },
    });
    const { requests } = await server.seen();
    expect(requests.sparse).toBeGreaterThan(0);
    expect(requests[INSTRUMENTED]).toBeGreaterThan(0);
    await taustat.close();
    await server.close();
  });

  it('are doubted when the one that shows activations is another model’s', async () => {
    const server = await Independent.start({
      [PLAIN]: plain,
      sparse: pruning,
      [INSTRUMENTED]: pair(scaled())[INSTRUMENTED]!,
    });
    const { taustat, ask } = await openFront(server.http, { upstream, ...FIXED });
    await until(async () => {
      await taustat.infer(call);
      const { json } = await ask(`/v2/models/${PLAIN}/pruning`);
      return (json.upstream as { doubt: string | null }).doubt !== null;
    }, 'doubted');
    const { json } = await ask(`/v2/models/${PLAIN}/pruning`);
    expect((json.upstream as { doubt: string }).doubt).toBe(
      `at τ = 0, '${INSTRUMENTED}' does not answer as '${PLAIN}' does`,
    );
    const response = await taustat.infer(call);
    expect(response.parameters).toEqual({ threshold: 0 });
    expect(valuesOf(response)).toEqual(reference(0));
    await taustat.close();
    await server.close();
  });
});

/** The perceptron with its answers times −2: the shapes are the same. */
function scaled(): Uint8Array {
  const source = perceptron();
  const weight = source.graph!.initializer.find(({ name }) => name === 'b')!;
  weight.floatData = weight.floatData.map((w) => -2 * w);
  return bytesOf(source);
}

function scaledReference(threshold: number): number[] {
  return reference(threshold).map((y) => -2 * y);
}

describe.skipIf((await tryNative()).kind === 'unavailable' && process.env.CI === undefined)(
  'a model whose layers skip zeros, beside the plain one',
  () => {
    let folder: string;
    let server: Independent;
    let description: string;
    let plain: Uint8Array;
    const rows = 3;
    const tau = 0.3;
    const input = (seed: number): Tensor => {
      const random = randomOf(seed);
      const elements = Float32Array.from({ length: rows * WIDTHS[0] }, () => random() - 0.5);
      return { name: 'x', datatype: 'FP32', shape: [rows, WIDTHS[0]], elements };
    };
    /** The first site alone is pruned: nothing skips the zeros of the second. */
    const expected = async (x: Tensor, threshold: number) => {
      const session = await OrtSession.open(instrument(plain).bytes, { intraOpThreads: 1 });
      const [y, tap] = await session.run(
        [x, thresholdInput(Float32Array.of(threshold, 0))],
        ['y', 'taustat_tap_0'],
      );
      await session.release();
      return { y: Array.from(y!.elements as Float32Array), tap: tap!.elements as Float32Array };
    };
    const expectNear = (actual: readonly number[], wanted: readonly number[]) => {
      expect(actual).toHaveLength(wanted.length);
      for (const [i, y] of actual.entries()) expect(y).toBeCloseTo(wanted[i]!, 4);
    };

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'taustat-sparse-upstream-'));
      plain = bytesOf(wideMlp(randomOf(3)));
      const model = join(folder, 'm.onnx');
      await writeFile(model, plain);
      await writeTarget({
        target: 'triton',
        model,
        folder,
        name: INSTRUMENTED,
        threshold: tau,
        sites: { scheme: 'activations' },
      });
      description = join(folder, INSTRUMENTED, 'taustat.json');
      const sparse = await readFile(join(folder, INSTRUMENTED, '1', 'model.onnx'));
      server = await Independent.start({ [PLAIN]: plain, [INSTRUMENTED]: sparse });
    });
    afterAll(async () => {
      await server.close();
      await rm(folder, { recursive: true });
    });
    const models = () => [{ name: PLAIN, instrumented: INSTRUMENTED, description }];

    it.each(['http', 'grpc'] as const)(
      'prunes, and shows what a threshold is found with, over %s',
      async (protocol) => {
        const { taustat, ask } = await openFront(server[protocol], {
          upstream: { models: models() },
          control: { mode: 'fixed', threshold: tau },
          sampling: { ratio: 1, budget: 1 },
          agreement: { measure: 'cosine', floor: 0.5 },
        });
        const report = async () => (await ask(`/v2/models/${PLAIN}/pruning`)).json;
        for (let i = 0; ((await report()).window as { samples: number }).samples < 20; i++) {
          const x = input(i);
          const { outputs, parameters } = await taustat.infer({ inputs: [x] });
          expectNear(valuesOf({ outputs }), (await expected(x, Number(parameters.threshold))).y);
        }
        expect(await report()).toMatchObject({
          upstream: { capability: 'full', reason: null, doubt: null },
          sites: [{ name: expect.any(String) }],
          shadow: { failed: 0 },
        });
        await taustat.close();
      },
    );

    it('counts what the model in process counts', async () => {
      const client = await connectUpstream(server.http, {});
      const names = { name: PLAIN, instrumented: INSTRUMENTED };
      const model = await readUpstreamModel(client, names, AbortSignal.timeout(60_000));
      const options = {
        maxConcurrent: 4,
        maxShadows: 2,
        maxShadowQueue: 8,
        maxRunMs: 60_000,
        forwardHeaders: [],
      };
      const runtime = new UpstreamRuntime(client, model, options);
      const x = input(99);
      for (const threshold of [0, tau]) {
        const thresholds = Float32Array.of(threshold);
        const run = { inputs: [x], outputs: ['y'], thresholds, keepInputs: true };
        const dense = (await runtime.shadow({ ...run, measure: 'histogram' })) as ShadowResult;
        const pruned = (await runtime.shadow({ ...run, measure: 'retained' })) as ShadowResult;
        const { tap, y } = await expected(x, threshold);
        const kept = tap.filter((a) => a > 0 && a >= Math.fround(threshold));
        const sum = kept.reduce((all, a) => all + a, 0);
        expectNear(Array.from(pruned.outputs[0]!.elements as Float32Array), y);
        expect(pruned.retained[0]!.count).toBe(kept.length);
        expect(pruned.retained[0]!.sum).toBeCloseTo(sum, 2);
        const [histogram] = dense.histograms;
        expect(histogram!.zeros + nonzeroCount(histogram!)).toBe(tap.length);
      }
      await runtime.close();
      await client.close();
    });

    it('leaves the server its batching: rows of any threshold, and dense ones, share a run', async () => {
      const client = await connectUpstream(server.http, {});
      const asked = Array.from({ length: 12 }, (_, i) => ({ x: input(i), threshold: (i % 3) * tau }));
      const answers = await Promise.all(
        asked.map(({ x, threshold }) => {
          const elements = new Float32Array(rows).fill(threshold);
          const thresholds: Tensor = {
            name: 'taustat_threshold',
            datatype: 'FP32',
            shape: [rows, 1],
            elements,
          };
          return client.infer({
            model: INSTRUMENTED,
            inputs: [x, thresholds],
            outputs: ['y'],
            headers: {},
            signal: AbortSignal.timeout(60_000),
          });
        }),
      );
      for (const [i, outputs] of answers.entries()) {
        const { x, threshold } = asked[i]!;
        expectNear(valuesOf({ outputs }), (await expected(x, threshold)).y);
      }
      expect((await server.seen()).largest).toBeGreaterThan(1);
      await client.close();
    });
  },
);
