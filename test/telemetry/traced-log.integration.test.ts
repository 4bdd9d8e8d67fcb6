import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compose } from '../../src/compose.ts';
import { parseConfig } from '../../src/config/schema.ts';
import { encodeModel } from '../../src/onnx/model-file.ts';
import type { Taustat } from '../../src/taustat.ts';
import { listen } from '../../src/transport/http/server.ts';
import { model, node, value } from '../onnx/models.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

/** Its output is as large as its input says: no machine has room for what the test asks for. */
const greedy = model({
  nodes: [node('ConstantOfShape', ['shape'], 'y')],
  inputs: [value('shape', [1], 7)],
  outputs: [value('y', ['N'])],
});

describe('a request that the server fails', () => {
  const lines: Record<string, unknown>[] = [];
  let folder: string;
  let taustat: Taustat;
  let server: Awaited<ReturnType<typeof listen>>;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'taustat-greedy-'));
    const path = join(folder, 'greedy.onnx');
    await writeFile(path, encodeModel(greedy));
    const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) });
    taustat = await compose(parseConfig({ model: { path } }), log);
    const { answerDirectly } = taustat;
    server = await listen(taustat.routes, { host: '127.0.0.1', port: 0, answerDirectly });
  });
  afterAll(async () => {
    await server.stop(0);
    await taustat.close();
    await rm(folder, { recursive: true });
  });

  it.each([
    ['directly', {}],
    ['in the application', { Host: '[::1]' }],
  ])('is told of with its trace, when it was answered %s', async (_, headers) => {
    lines.splice(0);
    const inputs = [{ name: 'shape', datatype: 'INT64', shape: [1], data: [1e14] }];
    const response = await fetch(`${server.url}/v2/models/greedy/infer`, {
      method: 'POST',
      body: JSON.stringify({ inputs }),
      headers: { ...headers, traceparent: `00-${TRACE}-${PARENT}-01` },
    });
    expect(response.status).toBe(500);
    expect(lines.filter(({ msg }) => msg === 'request failed')).toMatchObject([
      { trace_id: TRACE, span_id: PARENT },
    ]);
  });
});
