// What a real server answers, held against the schemas of its own document; a member that they do not name is an error here.
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { pruningReport } from '../../../src/models/pruning-report.ts';
import { BinaryClient } from '../../../src/tools/demo/client.ts';
import { inputRows } from '../../../src/tools/inputs/input-rows.ts';
import { readNpy } from '../../../src/tools/inputs/npy.ts';
import { type Running, start } from '../../cli/command.ts';
import { SMALL_NAME, smallCnn } from '../../small-cnn.ts';

const MODEL = `/v2/models/${SMALL_NAME}`;
const IMAGE = { name: 'image', shape: [1, 1, 28, 28], datatype: 'FP32', data: new Array(784).fill(100) };

interface Media {
  readonly schema?: object;
}
interface Answer {
  readonly content?: Readonly<Record<string, Media>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { responses: Record<string, Answer> }>>>>;
  readonly components: { readonly responses: { readonly Error: Answer } };
}

let folder: string;
let running: Running;
let url: string;
let document: Document;
let ajv: Ajv2020;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'taustat-openapi-'));
  const version = join(folder, 'models', SMALL_NAME, '1');
  mkdirSync(version, { recursive: true });
  cpSync(smallCnn('model.onnx'), join(version, 'model.onnx'));
  const flags = ['--model-repository', join(folder, 'models'), '--sampling', '1', '--agreement', '0.8'];
  running = start('dist/cli.js', ['serve', '--port', '0', ...flags], {
    TAUSTAT_RUNTIME_GATES: 'mask',
    TAUSTAT_SAMPLING_BUDGET: '0.9',
    TAUSTAT_SAMPLING_ALLOW_RECORD: 'true',
    TAUSTAT_AGREEMENT_ALPHA: '0.1',
  });
  url = await running.saying(/"url":"([^"]+)"/);
  document = closed(await (await fetch(`${url}/v2/openapi.json`)).json()) as Document;
  ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true });
  ajv.addVocabulary(['openapi', 'info', 'servers', 'security', 'paths', 'components']);
  ajv.addSchema(document, 'document');
});
afterAll(() => {
  running?.child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** The same document, in which an object has no members but those that are named. */
function closed(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(closed);
  if (typeof node !== 'object' || node === null) return node;
  const entries = Object.entries(node).map(([key, value]) => [key, closed(value)] as const);
  const isOpen = 'properties' in node && !('additionalProperties' in node);
  return Object.fromEntries(isOpen ? [...entries, ['additionalProperties', false]] : entries);
}

/** The schema of an answer, resolved. */
function schemaOf(path: string, method: string, status: number, type: string): object {
  const { responses } = document.paths[path]![method]!;
  const answer = responses[status] ?? document.components.responses.Error;
  const schema = answer.content?.[type]?.schema;
  if (schema === undefined) throw new Error(`${method} ${path}: no ${type} is answered with ${status}`);
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/'));
}

function expectValid(schema: object, content: unknown): void {
  const validate = ajv.compile(schema);
  validate(content);
  expect(validate.errors ?? []).toEqual([]);
}

/** Asks a path of the document, and holds what is answered against its schema. */
async function ask(path: string, method = 'get', body?: object, status = 200): Promise<unknown> {
  const target = path.replace('{model}', SMALL_NAME).replace('{version}', '1');
  const init = body === undefined ? {} : { body: JSON.stringify(body) };
  const answer = await fetch(url + target, { method: method.toUpperCase(), ...init });
  expect(answer.status).toBe(status);
  const content = await answer.json();
  expectValid(schemaOf(path, method, status, 'application/json'), content);
  return content;
}

describe('what a server answers has the schema of its document', () => {
  it.each([
    '/v2',
    '/v2/health/live',
    '/v2/health/ready',
    '/v2/models/stats',
    '/v2/openapi.json',
    '/v2/pruning',
  ])('at %s', async (path) => void (await ask(path)));

  it.each(['', '/ready', '/config', '/stats', '/pruning', '/pruning/history', '/pruning/activations'])(
    'at …%s of a model, and of its version',
    async (suffix) => {
      await ask(`/v2/models/{model}${suffix}`);
      await ask(`/v2/models/{model}/versions/{version}${suffix}`);
    },
  );

  it('to an inference', async () => {
    const body = { id: 'a', parameters: { pruning: 'off' }, inputs: [IMAGE] };
    await ask('/v2/models/{model}/infer', 'post', body);
    const classes = { name: 'logits', parameters: { classification: 3 } };
    await ask('/v2/models/{model}/infer', 'post', { ...body, outputs: [classes] });
  });

  it.each([{}, { ready: true }])(
    'to the index of the repository, %j',
    async (body) => void (await ask('/v2/repository/index', 'post', body)),
  );

  it.each([
    ['/v2/models/{model}/infer', 'post', { inputs: [] }, 400],
    ['/v2/models/{model}/pruning', 'put', { mode: 'fixed' }, 400],
    ['/v2/repository/index', 'post', { ready: 1 }, 400],
  ] as const)(
    'to what is wrong at %s',
    async (path, method, body, status) => void (await ask(path, method, body, status)),
  );

  it('to every change of mode', async () => {
    for (const mode of ['off', 'observe', 'auto'])
      expect(await ask('/v2/models/{model}/pruning', 'put', { mode })).toMatchObject({ mode });
    const fixed = await ask('/v2/models/{model}/pruning', 'put', { mode: 'fixed', threshold: 0.1 });
    expect(fixed).toMatchObject({ state: 'fixed' });
    await ask('/v2/models/{model}/pruning', 'put', { mode: 'auto' });
  });

  it('while a threshold is sought, and when one is found', async () => {
    const { inputs } = (await ask('/v2/models/{model}')) as { inputs: [] };
    const rows = inputRows(inputs, new Map([['image', await readNpy(smallCnn('inputs.npy'))]]));
    const client = new BinaryClient(url, SMALL_NAME, 2);
    const states = new Set<string>();
    try {
      for (let i = 0; i < 20_000; i++) {
        await client.infer(`r-${i}`, [rows.batch(i % rows.count, (i % rows.count) + 1)[0]!], 'on');
        if (i % 50 !== 0) continue;
        const now = (await ask('/v2/models/{model}/pruning')) as ReturnType<typeof pruningReport>;
        states.add(now.state);
        if (now.state === 'tracking' && now.production.share === 1) break;
      }
    } finally {
      client.close();
    }
    expect([...states]).toEqual(expect.arrayContaining(['warming', 'tracking']));
    expect(await ask('/v2/models/{model}/pruning/history')).toMatchObject({ model: SMALL_NAME });
    await ask('/v2/pruning');
    const activations = await ask('/v2/models/{model}/pruning/activations');
    expect(activations).toMatchObject({
      current: { at: expect.any(Number) },
      reference: { at: expect.any(Number) },
    });
  });

  it('in events', async () => {
    const abort = new AbortController();
    const answer = await fetch(`${url}${MODEL}/pruning/events`, { signal: abort.signal });
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    let text = '';
    for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.includes('\n\n')) break;
    }
    abort.abort();
    const schema = schemaOf('/v2/models/{model}/pruning/events', 'get', 200, 'text/event-stream');
    const { contentSchema } = schema as { contentSchema: object };
    expectValid(contentSchema, JSON.parse(/^data: (.*)$/m.exec(text)![1]!));
  });

  it('where it is no JSON', async () => {
    for (const [path, type] of [
      ['/metrics', /^text\/plain/],
      [`${MODEL}/pruning/inputs?limit=1`, /^application\/zip$/],
    ] as const) {
      const answer = await fetch(url + path);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, expect.stringMatching(type)]);
    }
    for (const change of ['unload', 'load']) {
      const answer = await fetch(`${url}/v2/repository/models/${SMALL_NAME}/${change}`, { method: 'POST' });
      expect([answer.status, await answer.text()]).toEqual([200, '']);
    }
  });
});

it('a member that no schema names is noticed', () => {
  const validate = ajv.compile(schemaOf('/v2/health/live', 'get', 200, 'application/json'));
  expect(validate({ live: true })).toBe(true);
  expect(validate({ live: true, more: 1 })).toBe(false);
});
