import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelProto } from 'onnx-buf';
import { pino } from 'pino';
import { compose } from '../../../src/compose.ts';
import { type ConfigInput, parseConfig } from '../../../src/config/schema.ts';
import type { IndexEntry } from '../../../src/plane/repository.ts';
import type { Taustat } from '../../../src/taustat.ts';
import { type Listening, listen } from '../../../src/transport/http/server.ts';
import { FLOAT, model, node, tensor, value } from '../../onnx/models.ts';
import { bytesOf } from '../../runtime/small-models.ts';

/** y = factor · x over float32 [N]: what answers can be told from what is answered. */
export function times(factor: number): ModelProto {
  return model({
    nodes: [node('Mul', ['x', 'factor'], 'y')],
    inputs: [value('x', ['N'], FLOAT)],
    outputs: [value('y', ['N'], FLOAT)],
    initializers: [tensor('factor', [1], [factor])],
  });
}

/** A whole ONNX file that ONNX Runtime cannot open. */
export function unusable(): ModelProto {
  return model({
    nodes: [node('NoSuchOp', ['x'], 'y')],
    inputs: [value('x', [1], FLOAT)],
    outputs: [value('y', [1], FLOAT)],
  });
}

export interface Reply {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server says
  readonly body: any;
}

/** A repository on disk and a real server over it, on a port of its own. */
export class RepositoryLab {
  readonly folder: string;
  readonly taustat: Taustat;
  readonly port: number;
  readonly log: readonly Record<string, unknown>[];
  readonly #listening: Listening;
  readonly #agent = new Agent({ keepAlive: true });

  private constructor(
    folder: string,
    taustat: Taustat,
    listening: Listening,
    log: Record<string, unknown>[],
  ) {
    this.folder = folder;
    this.taustat = taustat;
    this.port = listening.port;
    this.log = log;
    this.#listening = listening;
  }

  static async open(
    models: Readonly<Record<string, ModelProto | string>>,
    settings: ConfigInput = {},
  ): Promise<RepositoryLab> {
    const folder = await mkdtemp(join(tmpdir(), 'taustat-repository-'));
    for (const [path, source] of Object.entries(models)) await put(folder, path, source);
    const config = parseConfig({
      ...settings,
      model: { repository: folder, ...settings.model },
      runtime: { workers: 1, gates: 'mask', ...settings.runtime },
    });
    const log: Record<string, unknown>[] = [];
    const write = (line: string) => void log.push(JSON.parse(line));
    const taustat = await compose(config, pino({ level: 'info' }, { write }));
    const listening = await listen(taustat.routes, { host: '127.0.0.1', port: 0 });
    return new RepositoryLab(folder, taustat, listening, log);
  }

  /** Writes `name/version`, whole or not at all. */
  put(path: string, source: ModelProto | string): Promise<void> {
    return put(this.folder, path, source);
  }

  remove(path: string): Promise<void> {
    return rm(join(this.folder, path), { recursive: true });
  }

  ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const options = { port: this.port, host: '127.0.0.1', method, path, headers, agent: this.#agent };
      const sent = request(options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text,
          }),
        );
      });
      sent.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** Asks a model of `times` for x = 1; `name` may be `m/versions/2`. */
  infer(
    name: string,
    input: object = { name: 'x', datatype: 'FP32', shape: [1], data: [1] },
  ): Promise<Reply> {
    return this.ask('POST', `/v2/models/${name}/infer`, { inputs: [input] });
  }

  load(name: string): Promise<Reply> {
    return this.ask('POST', `/v2/repository/models/${name}/load`);
  }

  unload(name: string): Promise<Reply> {
    return this.ask('POST', `/v2/repository/models/${name}/unload`);
  }

  /** `name version state reason` of everything in the index. */
  async index(body?: object): Promise<readonly string[]> {
    const { body: entries } = await this.ask('POST', '/v2/repository/index', body);
    return (entries as IndexEntry[]).map(({ name, version = '-', state, reason }) =>
      `${name} ${version} ${state} ${reason}`.trim(),
    );
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    await this.#listening.stop(0);
    await this.taustat.close();
    await rm(this.folder, { recursive: true });
  }
}

/** What the answer of a model of `times` says: version and factor. */
export function answerOf({ status, body }: Reply): string {
  return status === 200
    ? `version ${body.model_version}: ${body.outputs[0].data[0]}`
    : `${status} ${body.error}`;
}

async function put(root: string, path: string, source: ModelProto | string): Promise<void> {
  const folder = join(root, path);
  await mkdir(folder, { recursive: true });
  const [fresh, file] = [join(folder, 'incoming'), join(folder, 'model.onnx')];
  await writeFile(fresh, typeof source === 'string' ? source : bytesOf(source));
  await rename(fresh, file);
}
