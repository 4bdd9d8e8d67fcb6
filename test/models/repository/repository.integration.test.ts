import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createTaustat, type Taustat } from '../../../src/index.ts';
import { perceptron, slow } from '../../runtime/small-models.ts';
import { until } from '../../transport/http/until.ts';
import { answerOf, RepositoryLab, times, unusable } from './repository-lab.ts';

let lab: RepositoryLab;
afterEach(() => lab.close());

const TRIPS = { name: 'trips', datatype: 'INT64', shape: [], data: [3000] };

describe('several models', () => {
  it('are served side by side, the newest version of each, under the names of their folders', async () => {
    lab = await RepositoryLab.open({ 'double/1': times(2), 'triple/2': times(3), 'triple/10': times(30) });
    expect(answerOf(await lab.infer('double'))).toBe('version 1: 2');
    expect(answerOf(await lab.infer('triple'))).toBe('version 10: 30');
    expect(answerOf(await lab.infer('triple/versions/10'))).toBe('version 10: 30');
    expect((await lab.infer('triple/versions/2')).status).toBe(404);
    expect((await lab.ask('GET', '/v2/models/triple')).body.versions).toEqual(['10']);
    expect(await lab.index()).toEqual(['double 1 READY', 'triple 10 READY']);
    const { body } = await lab.ask('GET', '/v2/models/stats');
    expect(body.model_stats.map(({ name }: { name: string }) => name)).toEqual(['double', 'triple']);
    expect(lab.taustat.models()).toEqual(['double', 'triple']);
  });

  it('can all be served in all of their versions; the newest answers where none is asked for', async () => {
    lab = await RepositoryLab.open(
      { 'm/1': times(1), 'm/2': times(2), 'm/10': times(10) },
      { model: { versions: 'all' } },
    );
    for (const version of ['1', '2', '10'])
      expect(answerOf(await lab.infer(`m/versions/${version}`))).toBe(`version ${version}: ${version}`);
    expect(answerOf(await lab.infer('m'))).toBe('version 10: 10');
    expect((await lab.ask('GET', '/v2/models/m/versions/2')).body.versions).toEqual(['1', '2', '10']);
    const { body } = await lab.ask('GET', '/v2/models/m/stats');
    expect(
      body.model_stats.map((stats: { version: string; inference_count: number }) => [
        stats.version,
        stats.inference_count,
      ]),
    ).toEqual([
      ['1', 1],
      ['2', 1],
      ['10', 2],
    ]);
    expect((await lab.ask('GET', '/v2/models/m/versions/3/stats')).status).toBe(404);
  });

  it('have a state, a mode and metrics each', async () => {
    const control = { mode: 'observe' } as const;
    lab = await RepositoryLab.open({ 'a/1': perceptron(), 'b/1': perceptron() }, { control });
    const put = await lab.ask('PUT', '/v2/models/a/pruning', { mode: 'fixed', threshold: 2 });
    expect(put.body).toMatchObject({ model: 'a', mode: 'fixed', threshold: 2 });
    expect((await lab.ask('GET', '/v2/models/b/pruning')).body).toMatchObject({
      model: 'b',
      mode: 'observe',
    });
    const { body } = await lab.taustat.metrics();
    expect(body).toContain('taustat_threshold{model="a",version="1",site="relu"} 2\n');
    expect(body).toContain('taustat_threshold{model="b",version="1",site="relu"} 0\n');
    expect(body).toContain('taustat_state{model="b",version="1",state="observe"} 1\n');
    await lab.unload('a');
    expect((await lab.taustat.metrics()).body).not.toMatch(
      /taustat_(threshold|state|model_ready)\{model="a"/,
    );
  });

  it('have the pruning of a version at hand, when several are served', async () => {
    lab = await RepositoryLab.open(
      { 'm/1': perceptron(), 'm/2': perceptron() },
      { model: { versions: 'all' } },
    );
    await lab.ask('PUT', '/v2/models/m/versions/1/pruning', { mode: 'off' });
    expect((await lab.ask('GET', '/v2/models/m/versions/1/pruning')).body.mode).toBe('off');
    expect((await lab.ask('GET', '/v2/models/m/pruning')).body.mode).toBe('auto');
    expect((await lab.ask('GET', '/v2/models/m/versions/3/pruning')).status).toBe(404);
    const text = (await lab.taustat.metrics()).body;
    expect(text.match(/^taustat_state\{model="m",version="\d",state="(off|warming)"\} \d$/gm)).toEqual([
      'taustat_state{model="m",version="1",state="off"} 1',
      'taustat_state{model="m",version="1",state="warming"} 0',
      'taustat_state{model="m",version="2",state="off"} 0',
      'taustat_state{model="m",version="2",state="warming"} 1',
    ]);
  });

  it('are served by the library too', async () => {
    lab = await RepositoryLab.open({ 'double/1': times(2), 'triple/1': times(3) });
    const taustat = await createTaustat({
      model: { repository: lab.folder },
      telemetry: { logLevel: 'silent' },
    });
    const x = { name: 'x', datatype: 'FP32', shape: [1], elements: Float32Array.of(1) } as const;
    const request = { parameters: {}, inputs: [x] };
    expect((await taustat.infer(request)).modelName).toBe('double');
    const { modelName, outputs } = await taustat.infer(request, { model: 'triple', version: '1' });
    expect([modelName, outputs[0]!.elements]).toEqual(['triple', Float32Array.of(3)]);
    await expect(taustat.infer(request, { model: 'none' })).rejects.toMatchObject({ code: 'UNKNOWN_MODEL' });
    expect((await taustat.repository.index()).map(({ state }) => state)).toEqual(['READY', 'READY']);
    await taustat.close();
  });
});

describe('a bad model', () => {
  const MODELS = { 'good/1': times(2), 'broken/1': 'no protobuf', 'unusable/1': unusable() };

  it('is unavailable with its reason, and takes none down', async () => {
    lab = await RepositoryLab.open({ ...MODELS, 'words/latest': times(1) });
    expect(answerOf(await lab.infer('good'))).toBe('version 1: 2');
    expect((await lab.ask('GET', '/v2/health/ready')).status).toBe(200);
    expect(await lab.index()).toEqual([
      expect.stringMatching(/^broken 1 UNAVAILABLE .+/),
      'good 1 READY',
      expect.stringMatching(/^unusable 1 UNAVAILABLE .*NoSuchOp/),
      'words - UNAVAILABLE holds no folder named by a version, such as 1',
    ]);
    expect(await lab.index({ ready: true })).toEqual(['good 1 READY']);
    const { body: metrics } = await lab.taustat.metrics();
    expect(metrics.match(/^taustat_model_ready\{.*$/gm)?.sort()).toEqual([
      'taustat_model_ready{model="broken"} 0',
      'taustat_model_ready{model="good"} 1',
      'taustat_model_ready{model="unusable"} 0',
    ]);
    for (const name of ['broken', 'unusable']) {
      expect(answerOf(await lab.infer(name))).toMatch(/^404 Request for unknown model: '/);
      expect(await lab.ask('GET', `/v2/models/${name}/ready`)).toMatchObject({
        status: 503,
        body: { name, ready: false },
      });
      expect((await lab.load(name)).status).toBe(400);
    }
    expect(lab.log.filter(({ msg }) => msg === 'the model was not loaded').length).toBe(4);
  });

  it('keeps the server from being ready only when all models have to be', async () => {
    lab = await RepositoryLab.open(MODELS, { model: { readiness: 'all' } });
    expect((await lab.ask('GET', '/v2/health/ready')).status).toBe(503);
    for (const name of ['broken', 'unusable']) await lab.put(`${name}/1`, times(1));
    for (const name of ['broken', 'unusable']) expect((await lab.load(name)).status).toBe(200);
    expect((await lab.ask('GET', '/v2/health/ready')).status).toBe(200);
  });

  it('alone, leaves the server up and not ready; an empty repository is ready', async () => {
    lab = await RepositoryLab.open({ 'broken/1': 'no protobuf' });
    expect((await lab.ask('GET', '/v2/health/live')).status).toBe(200);
    expect((await lab.ask('GET', '/v2/health/ready')).status).toBe(503);
    await lab.unload('broken');
    expect((await lab.ask('GET', '/v2/health/ready')).status).toBe(200);
    await expect(lab.taustat.infer({ parameters: {}, inputs: [] })).rejects.toMatchObject({
      code: 'UNKNOWN_MODEL',
    });
  });

  it('that is the newest version leaves the model to the one before it', async () => {
    lab = await RepositoryLab.open({ 'm/1': times(1), 'm/2': times(2), 'm/3': unusable() });
    expect(answerOf(await lab.infer('m'))).toBe('version 2: 2');
    expect(await lab.index()).toEqual(['m 2 READY', expect.stringMatching(/^m 3 UNAVAILABLE .*NoSuchOp/)]);
  });
});

describe('load', () => {
  it('takes a new model and a new version; the old version is unloaded', async () => {
    lab = await RepositoryLab.open({ 'm/1': times(1) });
    await lab.put('m/2', times(2));
    await lab.put('other/1', times(5));
    expect(await lab.index()).toEqual(['m 1 READY', 'other 1 UNAVAILABLE not loaded']);
    expect(answerOf(await lab.infer('m'))).toBe('version 1: 1');
    expect([(await lab.load('m')).status, (await lab.load('other')).status]).toEqual([200, 200]);
    expect(answerOf(await lab.infer('m'))).toBe('version 2: 2');
    expect(answerOf(await lab.infer('other'))).toBe('version 1: 5');
    await until(async () => (await lab.index())[0] === 'm 1 UNAVAILABLE unloaded');
    expect((await lab.load('none')).status).toBe(404);
  });

  it('of files that cannot be loaded leaves what answered before, and says so', async () => {
    lab = await RepositoryLab.open({ 'm/1': times(1) });
    await lab.put('m/1', unusable());
    const { status, body } = await lab.load('m');
    expect([status, body.error]).toEqual([
      400,
      expect.stringMatching(/^failed to load 'm': version 1: .*NoSuchOp/),
    ]);
    expect(answerOf(await lab.infer('m'))).toBe('version 1: 1');
    expect((await lab.index())[0]).toMatch(
      /^m 1 READY the files that were loaded before still answer: .*NoSuchOp/,
    );
    await lab.put('m/2', 'no protobuf');
    expect((await lab.load('m')).status).toBe(400);
    expect(answerOf(await lab.infer('m'))).toBe('version 1: 1');
    await lab.put('m/1', times(7));
    await lab.remove('m/2');
    expect((await lab.load('m')).status).toBe(200);
    expect(answerOf(await lab.infer('m'))).toBe('version 1: 7');
    expect(await lab.index()).toEqual(['m 1 READY']);
  });

  it('of files that have not changed keeps the model and what it has learnt', async () => {
    lab = await RepositoryLab.open({ 'm/1': perceptron() });
    await lab.ask('PUT', '/v2/models/m/pruning', { mode: 'fixed', threshold: 2 });
    expect((await lab.load('m')).status).toBe(200);
    await lab.put('m/1', perceptron()); // another file, the same bytes
    expect((await lab.load('m')).status).toBe(200);
    expect((await lab.ask('GET', '/v2/models/m/pruning')).body).toMatchObject({
      mode: 'fixed',
      threshold: 2,
    });
    expect(lab.log.filter(({ msg }) => msg === 'model loaded').length).toBe(1);
  });

  it.each([
    ['off', undefined, 'off'],
    ['observe', undefined, 'observe'],
    ['fixed', 2, 'observe'],
  ])('of a new version goes on in the operator’s mode: %s', async (mode, threshold, after) => {
    lab = await RepositoryLab.open({ 'm/1': perceptron() });
    await lab.ask('PUT', '/v2/models/m/pruning', { mode, threshold });
    await lab.put('m/2', perceptron());
    await lab.load('m');
    expect((await lab.ask('GET', '/v2/models/m/pruning')).body).toMatchObject({ mode: after, threshold: 0 });
    await lab.unload('m');
    await lab.load('m');
    expect((await lab.ask('GET', '/v2/models/m/pruning')).body.mode).toBe(after);
  });

  it('keeps the operator’s mode over a reload and a restart after it', async () => {
    lab = await RepositoryLab.open({ 'm/1': perceptron() });
    const folder = await mkdtemp(join(tmpdir(), 'taustat-state-'));
    const config = { model: { repository: lab.folder }, store: { enabled: true, folder } };
    const start = () => createTaustat({ ...config, telemetry: { logLevel: 'silent' } });
    const mode = async ({ routes }: Taustat) => {
      const report = await routes.request('/v2/models/m/pruning');
      return ((await report.json()) as { mode: string }).mode;
    };
    const first = await start();
    await first.routes.request('/v2/models/m/pruning', { method: 'PUT', body: '{"mode":"off"}' });
    await lab.put('m/4', { ...perceptron(), producerName: 'another' });
    await first.repository.load('m');
    expect([await mode(first), (await first.routes.request('/v2/models/m/versions/4')).status]).toEqual([
      'off',
      200,
    ]);
    await first.close();
    const second = await start();
    expect(await mode(second)).toBe('off');
    await second.close();
    await rm(folder, { recursive: true });
  });

  it('keeps a mode per version where all are served, over a restart', async () => {
    lab = await RepositoryLab.open({ 'm/1': perceptron(), 'm/2': perceptron(), 'm/3': perceptron() });
    const folder = await mkdtemp(join(tmpdir(), 'taustat-state-'));
    const config = {
      model: { repository: lab.folder, versions: 'all' },
      runtime: { gates: 'mask' },
      store: { enabled: true, folder },
      telemetry: { logLevel: 'silent' },
    } as const;
    const pruning = async ({ routes }: Taustat, version: number, body?: object) => {
      const sent = body === undefined ? {} : { method: 'PUT', body: JSON.stringify(body) };
      const { mode, threshold } = (await (
        await routes.request(`/v2/models/m/versions/${version}/pruning`, sent)
      ).json()) as { mode: string; threshold: number };
      return `${mode} ${threshold}`;
    };
    const all = async (taustat: Taustat) =>
      Promise.all([1, 2, 3].map((version) => pruning(taustat, version)));
    const first = await createTaustat(config);
    expect(await all(first)).toEqual(['auto 0', 'auto 0', 'auto 0']);
    await pruning(first, 3, { mode: 'off' });
    await pruning(first, 1, { mode: 'fixed', threshold: 2 });
    await first.close();
    const second = await createTaustat(config);
    expect(await all(second)).toEqual(['fixed 2', 'auto 0', 'off 0']);
    // A newer one takes over what was chosen for the one in whose place it answers, and keeps it.
    await lab.put('m/4', perceptron());
    await second.repository.load('m');
    expect(await pruning(second, 4)).toBe('off 0');
    await second.repository.unload('m');
    await second.repository.load('m');
    expect(await all(second)).toEqual(['fixed 2', 'auto 0', 'off 0']);
    await second.close();
    const third = await createTaustat(config);
    expect([...(await all(third)), await pruning(third, 4)]).toEqual(['fixed 2', 'auto 0', 'off 0', 'off 0']);
    await third.close();
    await rm(folder, { recursive: true });
  });

  it('lets what follows a model’s state follow the one that takes its place', async () => {
    lab = await RepositoryLab.open({ 'm/1': perceptron() }, { control: { mode: 'observe' } });
    const events = await fetch(`http://127.0.0.1:${lab.port}/v2/models/m/pruning/events`);
    let text = '';
    const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader();
    const read = async () => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        text += value;
      }
    };
    const ended = read();
    await lab.put('m/2', perceptron());
    await lab.load('m');
    await lab.ask('PUT', '/v2/models/m/pruning', { mode: 'off' });
    await until(() => text.includes('"mode":"off"'));
    expect(text.match(/^id: \d/gm)).toEqual(['id: 0', 'id: 1', 'id: 2']);
    await lab.unload('m');
    await ended;
  });
});

describe('unload', () => {
  it('answers what was accepted, refuses what comes after, and lets the model be loaded again', async () => {
    lab = await RepositoryLab.open({ 'slow/1': slow(), 'm/1': times(1) });
    const accepted = Array.from({ length: 5 }, () => lab.infer('slow', TRIPS));
    await until(async () =>
      (await lab.taustat.metrics()).body.includes('taustat_queue_requests{model="slow",version="1"} 5'),
    );
    expect((await lab.unload('slow')).status).toBe(200);
    expect(await lab.index()).toEqual(['m 1 READY', 'slow 1 UNLOADING']);
    expect((await lab.infer('slow', TRIPS)).status).toBe(404);
    expect((await lab.ask('GET', '/v2/models/slow/ready')).status).toBe(503);
    expect(answerOf(await lab.infer('m'))).toBe('version 1: 1');
    for (const { status, body } of await Promise.all(accepted)) {
      expect([status, body.outputs?.[0].data]).toEqual([200, [128]]);
    }
    await until(async () => (await lab.index())[1] === 'slow 1 UNAVAILABLE unloaded');
    expect((await lab.unload('slow')).status).toBe(200);
    expect((await lab.load('slow')).status).toBe(200);
    expect((await lab.infer('slow', TRIPS)).status).toBe(200);
    expect((await lab.unload('none')).status).toBe(404);
  });

  it('is not needed before the end; from then on nothing is loaded any more', async () => {
    lab = await RepositoryLab.open({ 'm/1': times(1) });
    const taustat = await createTaustat({
      model: { repository: lab.folder },
      telemetry: { logLevel: 'silent' },
    });
    await lab.put('m/2', times(2));
    const loading = taustat.repository.load('m').catch(({ code }) => expect(code).toBe('UNAVAILABLE'));
    const late = taustat.close().then(() => taustat.repository.load('m'));
    await expect(late).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await loading;
    const x = { name: 'x', datatype: 'FP32', shape: [1], elements: Float32Array.of(1) } as const;
    await expect(taustat.infer({ parameters: {}, inputs: [x] })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
  });

  it('of one model file, and load of it, work as for a repository', async () => {
    lab = await RepositoryLab.open({ 'm/1': times(1) });
    const path = `${lab.folder}/m/1/model.onnx`;
    const taustat = await createTaustat({ model: { path, name: 'one' }, telemetry: { logLevel: 'silent' } });
    await taustat.repository.unload('one');
    expect(taustat.models()).toEqual([]);
    await lab.put('m/1', times(4));
    await taustat.repository.load('one');
    const x = { name: 'x', datatype: 'FP32', shape: [1], elements: Float32Array.of(1) } as const;
    const { outputs } = await taustat.infer({ parameters: {}, inputs: [x] });
    expect(outputs[0]!.elements).toEqual(Float32Array.of(4));
    await taustat.close();
  });
});
