import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { GrpcClient } from '../contracts/inference/grpc-client.ts';
import { bytesOf, slow } from '../runtime/small-models.ts';
import { smallGatedEnv } from '../small-cnn.ts';
import { until } from '../transport/http/until.ts';
import { type Running, start } from './command.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'taustat-'));
});
afterAll(() => rm(folder, { recursive: true }));
const running: Running[] = [];
const clients: GrpcClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  for (const { child } of running.splice(0)) child.kill('SIGKILL');
});

function serve(...args: readonly string[]): Running {
  const started = start('dist/cli.js', ['serve', '--port', '0', ...args], smallGatedEnv(args));
  running.push(started);
  return started;
}

function connect(address: string): GrpcClient {
  const client = new GrpcClient(address, true);
  clients.push(client);
  return client;
}

const GRPC = /"grpc":"([^"]+)"/;
const URL_LINE = /"url":"([^"]+)"/;

describe('taustat serve --grpc-port', () => {
  it('answers, and on SIGTERM finishes what it has, is not ready and exits with 0', async () => {
    const file = join(folder, 'slow.onnx');
    await writeFile(file, bytesOf(slow()));
    const server = serve(file, '--grpc-port', '0', '--workers', '1');
    const client = connect(await server.saying(GRPC));
    const url = await server.saying(URL_LINE);
    expect(await client.isReady()).toBe(true);
    const trips = {
      name: 'trips',
      datatype: 'INT64',
      shape: [],
      elements: BigInt64Array.of(15_000n),
    };
    const answers = Array.from({ length: 4 }, () => client.infer({ model: 'slow', inputs: [trips] }));
    await until(async () =>
      (await (await fetch(`${url}/metrics`)).text()).includes(
        'taustat_queue_requests{model="slow",version="1"} 4\n',
      ),
    );
    server.child.kill('SIGTERM');
    await until(async () => !(await client.isReady()));
    for (const { outputs } of await Promise.all(answers)) {
      expect(outputs).toEqual([{ name: 'y', datatype: 'FP32', shape: [], elements: Float32Array.of(128) }]);
    }
    const { code, stdout, stderr } = await server.outcome;
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/stopped/);
  });

  it('without it there is no gRPC', async () => {
    const server = serve();
    await server.saying(URL_LINE);
    expect(await server.saying(/.*"msg":"serving"/)).not.toMatch(/grpc/);
  });

  it('says in one line that its port is taken, and leaves nothing running', async () => {
    const address = await serve('--grpc-port', '0').saying(GRPC);
    const { code, stderr } = await serve('--grpc-port', address.split(':')[1]!).outcome;
    expect(code).toBe(1);
    expect(stderr).toBe(
      `taustat: ADDRESS_IN_USE: ${address} is in use; choose another with --grpc-port, or 0 for a free one\n`,
    );
  });
});
