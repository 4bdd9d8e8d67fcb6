import { expect } from 'vitest';
import type { ConformanceCase } from '../case.ts';
import { expectError } from '../expectations.ts';
import type { Server } from '../lab.ts';

const json = (body: Buffer) => JSON.parse(body.toString());

async function get(server: Server, path: string, method = 'GET') {
  const answer = await server.send({ path, method });
  return { ...answer, content: answer.body.byteLength === 0 ? undefined : json(answer.body) };
}

/** Every endpoint that names a model, under a path such as /v2/models/m. */
const ENDPOINTS = [
  ['', 'GET'],
  ['/ready', 'GET'],
  ['/stats', 'GET'],
  ['/infer', 'POST'],
] as const;

async function expectAll(server: Server, path: string, status: number, reason: RegExp): Promise<void> {
  for (const [suffix, method] of ENDPOINTS)
    expectError(await server.send({ path: path + suffix, method }), status, reason);
}

/** Cases 1–12: metadata, health and paths. */
export const METADATA_CASES: readonly ConformanceCase[] = [
  {
    number: 1,
    title: 'server metadata at `/v2` and `/v2/`',
    source: 'D',
    answer: '200 with name, version and extensions at both.',
    checks: {
      HTTP: async (lab) => {
        for (const path of ['/v2', '/v2/']) {
          const { status, content } = await get(await lab.server('rows'), path);
          expect([status, content.name, content.version]).toEqual([200, 'taustat', expect.any(String)]);
          expect(content.extensions).toContain('binary_tensor_data');
        }
      },
    },
  },
  {
    number: 2,
    title: 'liveness',
    source: 'S',
    answer: '200 `{"live":true}` as long as the process answers.',
    checks: {
      HTTP: async (lab) => {
        const { status, content } = await get(await lab.server('rows'), '/v2/health/live');
        expect([status, content]).toEqual([200, { live: true }]);
      },
    },
  },
  {
    number: 3,
    title: 'readiness',
    source: 'D',
    answer:
      '200 once all models have been tried (before that, the port is closed) and one is ready, or with `model.readiness: all` every one; 503 while draining, for the server and for each model, and liveness stays 200.',
    checks: {
      HTTP: async (lab) => {
        const server = await lab.server('rows', { model: { version: '7' } });
        const ready = async () => [
          (await get(server, '/v2/health/ready')).status,
          (await get(server, '/v2/models/rows/ready')).status,
          (await get(server, '/v2/health/live')).status,
        ];
        expect(await ready()).toEqual([200, 200, 200]);
        server.taustat.drain();
        expect(await ready()).toEqual([503, 503, 200]);
      },
    },
  },
  {
    number: 4,
    title: 'model readiness, with and without a version',
    source: 'S',
    answer: '200 with the name and `"ready":true`.',
    checks: {
      HTTP: async (lab) => {
        const server = await lab.server('rows');
        for (const path of ['/v2/models/rows/ready', '/v2/models/rows/versions/1/ready']) {
          const { status, content } = await get(server, path);
          expect([status, content]).toEqual([200, { name: 'rows', ready: true }]);
        }
      },
    },
  },
  {
    number: 5,
    title: 'unknown model on metadata, ready, stats and infer',
    source: 'T',
    answer:
      '404; the message starts `Request for unknown model`. A model that is there and cannot be served is 503 on ready and 404 on the others.',
    checks: {
      HTTP: async (lab) =>
        expectAll(await lab.server('rows'), '/v2/models/none', 404, /^Request for unknown model: 'none'/),
    },
  },
  {
    number: 6,
    title: 'unknown version',
    source: 'T',
    answer: '404, naming model and version.',
    checks: {
      HTTP: async (lab) => {
        const path = '/v2/models/rows/versions/2';
        await expectAll(await lab.server('rows'), path, 404, /unknown model: 'rows' version 2 /);
      },
    },
  },
  {
    number: 7,
    title: 'version that is not a number',
    source: 'T',
    answer: '404; a sign counts as no number, leading zeros are ignored.',
    checks: {
      HTTP: async (lab) => {
        const server = await lab.server('rows');
        for (const version of ['latest', '-1', '1.0', '0x1'])
          await expectAll(
            server,
            `/v2/models/rows/versions/${version}`,
            404,
            /unknown model: 'rows' version '/,
          );
        expect((await get(server, '/v2/models/rows/versions/001')).status).toBe(200);
      },
    },
  },
  {
    number: 8,
    title: 'version of 2^63 and more',
    source: 'T',
    answer: '400; 2^63 − 1 is merely unknown.',
    checks: {
      HTTP: async (lab) => {
        const server = await lab.server('rows');
        const path = '/v2/models/rows/versions/';
        await expectAll(server, `${path}9223372036854775808`, 400, /is out of range/);
        await expectAll(server, `${path}${'9'.repeat(300)}`, 400, /is out of range/);
        await expectAll(server, `${path}9223372036854775807`, 404, /unknown model/);
      },
    },
  },
  {
    number: 9,
    title: 'variable dimensions in metadata',
    source: 'S',
    answer: '-1 each; inputs and outputs that the gates added are never listed.',
    checks: {
      HTTP: async (lab) => {
        const { content } = await get(await lab.server('perceptron'), '/v2/models/perceptron');
        expect(content).toEqual({
          name: 'perceptron',
          versions: ['1'],
          platform: 'onnxruntime_onnx',
          inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 4] }],
          outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 3] }],
        });
      },
    },
  },
  {
    number: 10,
    title: 'wrong verb',
    source: 'T',
    answer: '405 with `Allow` and a JSON error.',
    checks: {
      HTTP: async (lab) => {
        const server = await lab.server('rows');
        for (const [method, path, allow] of [
          ['POST', '/v2', 'GET, HEAD'],
          ['DELETE', '/v2/models/rows', 'GET, HEAD'],
          ['GET', '/v2/models/rows/infer', 'POST'],
          ['PUT', '/v2/models/rows/versions/1/infer', 'POST'],
          ['GET', '/v2/repository/index', 'POST'],
        ] as const) {
          const answer = await server.send({ path, method });
          expectError(answer, 405, new RegExp(`^${method} is not allowed here, expected ${allow}$`));
          expect(answer.headers.allow).toBe(allow);
        }
      },
    },
  },
  {
    number: 11,
    title: 'unknown path',
    source: 'T',
    answer: '404 with a JSON error.',
    checks: {
      HTTP: async (lab) => {
        const server = await lab.server('rows');
        for (const path of ['/v2/nothing', '/v3', '/v2/models', '/v2/models/rows/infer/', '/v2//health/live'])
          expectError(await server.send({ path, method: 'GET' }), 404, /is not found$/);
      },
    },
  },
  {
    number: 12,
    title: 'URL-encoded names, and paths that climb',
    source: 'T',
    answer:
      'names are decoded; `%2f` and `%5c` are 400; dot segments, raw and encoded, empty segments and what is no encoding are 404, before routing.',
    checks: {
      HTTP: async (lab) => {
        const words = await lab.server('zwei Wörter');
        const { content } = await get(words, `/v2/models/${encodeURIComponent('zwei Wörter')}`);
        expect(content.name).toBe('zwei Wörter');
        const server = await lab.server('rows');
        expect((await get(server, '/v2/models/r%6fws/ready')).status).toBe(200);
        const climbing =
          /^(path '.*' is not found|model name '.*' must not hold a path|Request for unknown model: .*)$/;
        for (const [path, status] of [
          ['/v2/models/..%2frows', 400],
          ['/v2/models/a%2Fb/ready', 400],
          ['/v2/models/a%5cb', 400],
          ['/v2/models/../rows', 404],
          ['/v2/models/%2e%2e/rows', 404],
          ['/v2/models/%zz', 404],
        ] as const)
          expectError(await server.send({ path, method: 'GET' }), status, climbing);
      },
    },
  },
];
