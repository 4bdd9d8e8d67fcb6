// The upstream server is a taustat, which serves the plain and the instrumented model as files of a repository.
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Tensor } from '../../../src/protocol/types.ts';
import { bytesOf, perceptron, perceptronInput, perceptronReference } from '../../runtime/small-models.ts';
import { INSTRUMENTED, openPair, PLAIN, type UpstreamLab } from '../../runtime/upstream/upstream-lab.ts';
import { smallCnn } from '../../small-cnn.ts';
import { type Front, openFront, until } from './front.ts';

describe.each(['http', 'grpc'] as const)('taustat in front of a taustat, over %s', (protocol) => {
  let lab: UpstreamLab;
  const fronts: Front[] = [];
  const front = async (...options: Parameters<typeof openFront> extends [string, ...infer R] ? R : never) => {
    const opened = await openFront(lab[protocol], ...options);
    fronts.push(opened);
    return opened;
  };
  beforeAll(async () => {
    lab = await openPair(bytesOf(perceptron()));
  });
  afterEach(async () => {
    await Promise.all(fronts.splice(0).map(({ taustat }) => taustat.close()));
  });
  afterAll(() => lab.close());

  const x = perceptronInput(3);
  const call = { inputs: [{ ...x }] };
  const answer = (outputs: readonly Tensor[]) => Array.from(outputs[0]!.elements as Float32Array);
  const reference = (threshold: number) =>
    perceptronReference(Array.from(x.elements as Float32Array), threshold).y;

  it('answers as the plain model, and shows nothing of the instrumented one', async () => {
    const { taustat, ask } = await front({ control: { mode: 'off' } });
    const { outputs, parameters } = await taustat.infer(call);
    expect(parameters).toEqual({ threshold: 0 });
    const direct = await lab.taustat.infer(call, { model: PLAIN });
    expect(outputs).toEqual(direct.outputs);
    const { json } = await ask(`/v2/models/${PLAIN}`);
    expect(json).toMatchObject({ name: PLAIN, versions: ['1'], inputs: [{ name: 'x', shape: [-1, 4] }] });
    expect(JSON.stringify(json)).not.toContain('taustat_');
    expect((await ask('/v2/health/ready')).status).toBe(200);
  });

  it('prunes at a fixed threshold, and lets a request have the dense answer', async () => {
    const { taustat } = await front({ control: { mode: 'fixed', threshold: 20 } });
    const pruned = await taustat.infer(call);
    expect(pruned.parameters).toEqual({ threshold: 20 });
    expect(answer(pruned.outputs)).toEqual(reference(20));
    const dense = await taustat.infer({ ...call, parameters: { pruning: 'off' } });
    expect(answer(dense.outputs)).toEqual(reference(0));
  });

  it('tells what the server can do, and its sites by name', async () => {
    const { ask } = await front();
    const { json } = await ask(`/v2/models/${PLAIN}/pruning`);
    expect(json).toMatchObject({
      upstream: {
        url: lab[protocol],
        instrumented: INSTRUMENTED,
        capability: 'full',
        reason: null,
        doubt: null,
      },
      sites: [{ name: 'relu', op: 'Relu' }],
    });
  });

  it('samples requests with the activations that the server shows', async () => {
    const { taustat, ask } = await front({
      sampling: { ratio: 1, budget: 1 },
      control: { mode: 'observe' },
    });
    for (let i = 0; i < 40; i++) await taustat.infer({ inputs: [perceptronInput(3, i)] });
    await until(async () => {
      const { json } = await ask(`/v2/models/${PLAIN}/pruning`);
      return (json.shadow as { ok: number }).ok >= 20;
    }, 'twenty samples');
    const { json } = await ask(`/v2/models/${PLAIN}/pruning`);
    expect(json).toMatchObject({ shadow: { failed: 0 } });
  });

  it('without an instrumented model answers dense, and says why', async () => {
    const { taustat, ask, log } = await front({
      upstream: { models: [{ name: PLAIN, instrumented: 'nobody' }] },
      control: { mode: 'fixed', threshold: 20 },
    });
    const { outputs, parameters } = await taustat.infer(call);
    expect(parameters).toEqual({ threshold: 0 });
    expect(answer(outputs)).toEqual(reference(0));
    const { json } = await ask(`/v2/models/${PLAIN}/pruning`);
    expect(json).toMatchObject({
      upstream: { capability: 'plain', reason: "upstream has no model 'nobody'" },
      sites: [],
    });
    expect(log.join('')).toContain('nothing can be pruned');
  });

  it('refuses an instrumented model as the plain one', async () => {
    await expect(front({ upstream: { models: [{ name: INSTRUMENTED }] } })).rejects.toThrow(
      /is an instrumented one; name the plain model/,
    );
  });

  it('is not ready, and answers 503, while the server has no such model', async () => {
    const { ask } = await front({ upstream: { models: [{ name: 'later' }] } });
    const ready = await ask('/v2/health/ready');
    expect(ready).toMatchObject({ status: 503, json: { missing: ['later'] } });
    const asked = await ask('/v2/models/later');
    expect(asked.status).toBe(503);
    expect(asked.json.error).toMatch(/'later' cannot answer yet: .*unknown model/i);
  });
});

it('a model that is not the original of the instrumented one prunes nothing', async () => {
  const { openRepository } = await import('../../runtime/upstream/upstream-lab.ts');
  const { upstreamExport } = await import('../../../src/tools/export/upstream-export.ts');
  const other = upstreamExport(readFileSync(smallCnn('model.onnx')), { scheme: 'activations' });
  const lab = await openRepository({
    [`${PLAIN}/1/model.onnx`]: bytesOf(perceptron()),
    [`${INSTRUMENTED}/1/model.onnx`]: other.bytes,
  });
  const { taustat, ask } = await openFront(lab.http, { control: { mode: 'fixed', threshold: 1 } });
  const { json } = await ask(`/v2/models/${PLAIN}/pruning`);
  expect(json.upstream).toMatchObject({
    capability: 'plain',
    reason: `'${INSTRUMENTED}' is not made of '${PLAIN}': input 'x' is missing`,
  });
  await taustat.close();
  await lab.close();
});
