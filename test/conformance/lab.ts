import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { compose } from '../../src/compose.ts';
import { type ConfigInput, parseConfig } from '../../src/config/schema.ts';
import { encodeModel } from '../../src/onnx/model-file.ts';
import type { Taustat } from '../../src/taustat.ts';
import { type Listening, listen } from '../../src/transport/http/server.ts';
import { type Answer, open, type Sent, send } from '../transport/http/socket-client.ts';
import { MODELS } from './models.ts';

/** One real server on a port of its own. */
export interface Server {
  readonly taustat: Taustat;
  readonly port: number;
  /** Where gRPC is served, when the settings give it a port. */
  readonly grpc: string | undefined;
  /** Without a path, a request to the model's infer endpoint. */
  send(sent: Sent): Promise<Answer>;
  /** A bare connection, for what an HTTP client would not send. */
  open(): Promise<Socket>;
}

/** Real servers over the suite's models, each started when a case first asks for it. */
export class Lab {
  readonly #folder: string;
  readonly #servers = new Map<string, Promise<Server>>();
  readonly #stops: (() => Promise<void>)[] = [];

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async open(): Promise<Lab> {
    return new Lab(await mkdtemp(join(tmpdir(), 'taustat-conformance-')));
  }

  /** The path of a model's file. */
  async file(name: string): Promise<string> {
    const folder = join(this.#folder, name);
    await mkdir(folder, { recursive: true });
    const path = join(folder, 'model.onnx');
    await writeFile(path, encodeModel(MODELS.get(name)!()));
    return path;
  }

  /** A server for one model that no other case gets. */
  fresh(name: string, settings: ConfigInput = {}): Promise<Server> {
    return this.#start(name, settings);
  }

  /** A server for one model, shared by all cases that ask for the same settings. */
  server(name: string, settings: ConfigInput = {}): Promise<Server> {
    const key = `${name} ${JSON.stringify(settings)}`;
    const known = this.#servers.get(key);
    if (known !== undefined) return known;
    const started = this.#start(name, settings);
    this.#servers.set(key, started);
    return started;
  }

  async #start(name: string, settings: ConfigInput): Promise<Server> {
    const config = parseConfig({
      ...settings,
      model: { path: await this.file(name), name, ...settings.model },
      server: { port: 0, ...settings.server },
      runtime: { workers: 1, gates: 'mask', ...settings.runtime },
      telemetry: { logLevel: 'silent' },
    });
    const taustat = await compose(config, pino({ level: 'silent' }));
    const listening: Listening = await listen(taustat.routes, {
      ...config.server,
      answerDirectly: taustat.answerDirectly,
    });
    const grpc = config.server.grpcPort === undefined ? undefined : await taustat.listenGrpc();
    this.#stops.push(async () => {
      await Promise.all([listening.stop(0), grpc?.stop(0)]);
      await taustat.close();
    });
    const { port } = listening;
    const path = `/v2/models/${encodeURIComponent(name)}/infer`;
    return {
      taustat,
      port,
      grpc: grpc?.address,
      send: (sent) => send(port, { path, ...sent }),
      open: () => open(port),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#stops.map((stop) => stop()));
    await rm(this.#folder, { recursive: true });
  }
}
