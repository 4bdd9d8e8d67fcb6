import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type Client, type ClientDuplexStream, Metadata, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import type { ConfigInput } from '../../../src/config/schema.ts';
import type { GrpcListening } from '../../../src/transport/grpc/server.ts';
import { perceptron } from '../../runtime/small-models.ts';
import { clientOf, unary } from '../../transport/grpc/calls.ts';
import { until } from '../../transport/http/until.ts';
import { RepositoryLab, times } from './repository-lab.ts';

const DATA = 'data-token';
const CONTROL = 'control-token';
const SERVICE = 'inference.GRPCInferenceService';

let lab: RepositoryLab;
let grpc: GrpcListening;
const clients: Client[] = [];

async function open(models: Parameters<typeof RepositoryLab.open>[0], settings: ConfigInput = {}) {
  lab = await RepositoryLab.open(models, settings);
  grpc = await lab.taustat.listenGrpc({ port: 0 });
}

function client(service: string, proto: string): Client {
  const made = clientOf(grpc.address, service, proto);
  clients.push(made);
  return made;
}

const inference = () => client(SERVICE, 'open_inference.proto');
const health = () => client('grpc.health.v1.Health', 'health.proto');

afterEach(async () => {
  for (const one of clients.splice(0)) one.close();
  await grpc.stop(0);
  await lab.close();
});

describe('the configuration of a model', () => {
  it('is Triton’s over REST and gRPC, of a version too', async () => {
    await open(
      { 'm/1': perceptron(), 'm/2': perceptron() },
      {
        model: { versions: 'all' },
        batching: { maxBatch: 8, maxDelayMs: 3 },
      },
    );
    const { status: code, body } = await lab.ask('GET', '/v2/models/m/config');
    expect(code).toBe(200);
    expect(body).toEqual({
      name: 'm',
      platform: 'onnxruntime_onnx',
      backend: 'onnxruntime',
      version_policy: { all: {} },
      max_batch_size: 8,
      input: [{ name: 'x', data_type: 'TYPE_FP32', dims: [4], optional: false }],
      output: [{ name: 'y', data_type: 'TYPE_FP32', dims: [3], label_filename: '' }],
      instance_group: [{ name: 'm_0', kind: 'KIND_CPU', count: 1 }],
      default_model_filename: 'model.onnx',
      dynamic_batching: { max_queue_delay_microseconds: 3000 },
    });
    expect((await lab.ask('GET', '/v2/models/m/versions/1/config')).body).toEqual(body);
    const { config } = await unary(inference(), 'ModelConfig', { name: 'm', version: '1' });
    expect(config).toMatchObject({
      ...body,
      version_policy: { policy_choice: 'all' },
      output: [{ name: 'y', data_type: 'TYPE_FP32', dims: [3], label_filename: '' }],
    });
  });

  it('has no batch where nothing says so, and none for an unknown model or version', async () => {
    await open({ 'm/1': times(2) });
    const { body } = await lab.ask('GET', '/v2/models/m/config');
    expect(body).toMatchObject({
      version_policy: { latest: { num_versions: 1 } },
      max_batch_size: 0,
      input: [{ dims: [-1] }],
    });
    expect(body).not.toHaveProperty('dynamic_batching');
    expect((await lab.ask('POST', '/v2/models/m/config')).status).toBe(405);
    for (const path of ['/v2/models/none/config', '/v2/models/m/versions/2/config'])
      expect((await lab.ask('GET', path)).status).toBe(404);
    const { config } = await unary(inference(), 'ModelConfig', { name: 'm' });
    expect(config).toMatchObject({
      max_batch_size: 0,
      version_policy: { latest: { num_versions: 1 } },
      dynamic_batching: null,
    });
    await expect(unary(inference(), 'ModelConfig', { name: 'm', version: '2' })).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
  });
});

describe('over gRPC', () => {
  it('statistics are those of REST, of one model or of all', async () => {
    await open({ 'a/1': times(2), 'b/1': times(3) });
    for (let i = 0; i < 3; i++) await lab.infer('b');
    const { body } = await lab.ask('GET', '/v2/models/b/stats');
    const told = (stats: { inference_stats: Record<string, unknown> }) => ({
      ...stats,
      inference_stats: Object.fromEntries(
        ['success', 'fail', 'queue', 'compute_input', 'compute_infer', 'compute_output'].map((name) => [
          name,
          stats.inference_stats[name],
        ]),
      ),
    });
    const one = await unary(inference(), 'ModelStatistics', { name: 'b', version: '1' });
    expect(one.model_stats).toEqual([told(body.model_stats[0])]);
    expect(one.model_stats[0].inference_count).toBe(3);
    for (const phase of ['compute_input', 'compute_output']) {
      expect(one.model_stats[0].inference_stats[phase].count).toBe(3);
      expect(one.model_stats[0].inference_stats[phase].ns).toBeGreaterThan(0);
    }
    const all = await unary(inference(), 'ModelStatistics', {});
    expect(all.model_stats.map(({ name }: { name: string }) => name)).toEqual(['a', 'b']);
    await expect(unary(inference(), 'ModelStatistics', { name: 'none' })).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
  });

  it('the repository is listed, and models are unloaded and loaded', async () => {
    await open({ 'a/1': times(2), 'b/1': times(3) });
    const service = inference();
    const index = async (message = {}) => (await unary(service, 'RepositoryIndex', message)).models;
    expect(await index()).toEqual((await lab.ask('POST', '/v2/repository/index')).body);
    await unary(service, 'RepositoryModelUnload', {
      model_name: 'a',
      parameters: { unload_dependents: { bool_param: true } },
    });
    expect((await lab.infer('a')).status).toBe(404);
    expect(await index({ ready: true })).toMatchObject([{ name: 'b', version: '1', state: 'READY' }]);
    await unary(service, 'RepositoryModelLoad', { model_name: 'a' });
    expect((await lab.infer('a')).status).toBe(200);
    await expect(unary(service, 'RepositoryModelLoad', { model_name: 'none' })).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
    const config = { config: { string_param: '{}' } };
    for (const message of [
      { model_name: 'a', parameters: config },
      { model_name: 'a', repository_name: 'other' },
    ])
      await expect(unary(service, 'RepositoryModelLoad', message)).rejects.toMatchObject({
        code: status.INVALID_ARGUMENT,
      });
  });

  it('a change needs the control token, where there is one', async () => {
    await open({ 'a/1': times(2) }, { server: { token: DATA }, control: { token: CONTROL } });
    const service = inference();
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
    for (const method of ['RepositoryIndex', 'ModelConfig', 'ModelStatistics']) {
      await expect(unary(service, method, { name: 'a' })).rejects.toMatchObject({
        code: status.UNAUTHENTICATED,
      });
      await unary(service, method, method === 'RepositoryIndex' ? {} : { name: 'a' }, bearer(DATA));
    }
    for (const method of ['RepositoryModelUnload', 'RepositoryModelLoad']) {
      for (const headers of [{}, bearer(DATA)])
        await expect(unary(service, method, { model_name: 'a' }, headers)).rejects.toMatchObject({
          code: status.UNAUTHENTICATED,
        });
      await unary(service, method, { model_name: 'a' }, bearer(CONTROL));
    }
  });

  it.each([
    ['x-forwarded-for', '1.2.3.4'],
    ['via', '1.1 proxy'],
    ['origin', 'http://elsewhere.example'],
  ])('without one, what came with %s may change nothing', async (name, value) => {
    await open({ 'a/1': times(2) });
    const change = unary(inference(), 'RepositoryModelUnload', { model_name: 'a' }, { [name]: value });
    await expect(change).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
    expect((await lab.infer('a')).status).toBe(200);
  });
});

describe('the health service', () => {
  it('knows the server and every model', async () => {
    await open({ 'a/1': times(2), 'b/1': times(3) });
    const check = async (service: string) => (await unary(health(), 'Check', { service })).status;
    for (const service of ['', SERVICE, 'a', 'b']) expect(await check(service)).toBe('SERVING');
    await unary(inference(), 'RepositoryModelUnload', { model_name: 'a' });
    expect(await check('a')).toBe('NOT_SERVING');
    expect(await check('')).toBe('SERVING');
    await expect(check('none')).rejects.toMatchObject({ code: status.NOT_FOUND });
    lab.taustat.drain();
    for (const service of ['', 'b']) expect(await check(service)).toBe('NOT_SERVING');
  });

  it('asks for the token for what it says of a model alone', async () => {
    await open({ 'a/1': times(2) }, { server: { token: DATA } });
    expect(await unary(health(), 'Check', {})).toEqual({ status: 'SERVING' });
    for (const service of ['a', 'none'])
      await expect(unary(health(), 'Check', { service })).rejects.toMatchObject({
        code: status.UNAUTHENTICATED,
      });
    expect(await unary(health(), 'Check', { service: 'a' }, { 'x-api-key': DATA })).toEqual({
      status: 'SERVING',
    });
    expect(await watched('a').end).toBe(status.UNAUTHENTICATED);
  });

  it('tells every change to who watches, and ends with the server', async () => {
    await open({ 'a/1': times(2) });
    const server = watched('');
    const model = watched('a');
    const unknown = watched('none');
    await until(() => unknown.seen.length > 0 && model.seen.length > 0 && server.seen.length > 0);
    await unary(inference(), 'RepositoryModelUnload', { model_name: 'a' });
    await until(() => model.seen.length === 2);
    lab.taustat.drain();
    await until(() => server.seen.length === 2);
    const stopped = grpc.stop(60_000);
    expect(await Promise.all([server.end, model.end, unknown.end])).toEqual([
      status.OK,
      status.OK,
      status.OK,
    ]);
    await stopped;
    expect(server.seen).toEqual(['SERVING', 'NOT_SERVING']);
    expect(model.seen).toEqual(['SERVING', 'NOT_SERVING']);
    expect(unknown.seen[0]).toBe('SERVICE_UNKNOWN');
  });

  it('has as many watchers as there may be event streams', async () => {
    await open({ 'a/1': times(2) }, { server: { maxEventStreams: 2 } });
    const [first, second] = [watched(''), watched('')];
    await until(() => first.seen.length > 0 && second.seen.length > 0);
    expect(await watched('').end).toBe(status.RESOURCE_EXHAUSTED);
    first.cancel();
    expect(await first.end).toBe(status.CANCELLED);
    await until(async () => {
      const third = watched('');
      const code = await Promise.race([third.end, until(() => third.seen.length > 0)]);
      return code !== status.RESOURCE_EXHAUSTED;
    });
  });

  function watched(service: string) {
    const seen: string[] = [];
    const call = (
      health() as unknown as { Watch: (message: object) => ClientDuplexStream<object, object> }
    ).Watch({ service });
    call.on('data', ({ status: name }: { status: string }) => seen.push(name));
    const end = new Promise<number>((resolve) => {
      call.on('error', () => undefined);
      call.on('status', ({ code }: { code: number }) => resolve(code));
    });
    return { seen, end, cancel: () => call.cancel() };
  }
});

describe.each(['v1', 'v1alpha'])('reflection %s', (version) => {
  const folder = dirname(createRequire(import.meta.url).resolve('@grpc/reflection/package.json'));
  const proto = join(folder, `build/proto/grpc/reflection/${version}/reflection.proto`);

  async function ask(message: object, headers: Readonly<Record<string, string>> = {}) {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    const service = client(`grpc.reflection.${version}.ServerReflection`, proto) as unknown as {
      ServerReflectionInfo: (metadata: Metadata) => ClientDuplexStream<object, object>;
    };
    const call = service.ServerReflectionInfo(metadata);
    // biome-ignore lint/suspicious/noExplicitAny: whatever the server says
    const answer = new Promise<any>((resolve, reject) => call.once('data', resolve).once('error', reject));
    call.write(message);
    return answer.finally(() => call.end());
  }

  it('lists the services and their files', async () => {
    await open({ 'a/1': times(2) });
    const { list_services_response } = await ask({ list_services: '*' });
    const names = list_services_response.service.map(({ name }: { name: string }) => name);
    expect(names.sort()).toEqual(['grpc.health.v1.Health', SERVICE]);
    const { file_descriptor_response } = await ask({ file_containing_symbol: SERVICE });
    const text = file_descriptor_response.file_descriptor_proto.map(String).join();
    expect(text).toContain('RepositoryModelLoad');
    expect(text).toContain('ModelDynamicBatching');
    const unknown = await ask({ file_containing_symbol: 'no.such.Symbol' });
    expect(unknown.error_response.error_code).toBe(status.NOT_FOUND);
  });

  it('is for who may use the data plane', async () => {
    await open({ 'a/1': times(2) }, { server: { token: DATA } });
    await expect(ask({ list_services: '*' })).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
    const answer = await ask({ list_services: '*' }, { authorization: `Bearer ${DATA}` });
    expect(answer.list_services_response.service).toHaveLength(2);
  });
});
