/** The independent server as a process of its own. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('./independent-server.mjs', import.meta.url));

export interface Seen {
  readonly requests: Readonly<Record<string, number>>;
  /** Requests of the largest shared run. */
  readonly largest: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly flooded: number;
}

export class Independent {
  readonly #folder: string;
  #process: ChildProcess | undefined;
  #ports = { http: 0, grpc: 0 };

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @param models - ONNX files by name. */
  static async start(models: Readonly<Record<string, Uint8Array>>): Promise<Independent> {
    const server = new Independent(await mkdtemp(join(tmpdir(), 'taustat-independent-')));
    await server.restart(models);
    return server;
  }

  /** On the same ports, with other models where they are given. */
  async restart(models: Readonly<Record<string, Uint8Array>> = {}): Promise<void> {
    for (const [name, bytes] of Object.entries(models))
      await writeFile(join(this.#folder, `${name}.onnx`), bytes);
    const ports = [this.#ports.http, this.#ports.grpc].map(String);
    const child = fork(PROGRAM, [this.#folder, ...ports], { silent: true });
    this.#process = child;
    const line = await new Promise<string>((resolve, reject) => {
      let error = '';
      child.stderr?.on('data', (text: Buffer) => {
        error += text.toString();
      });
      child.stdout?.once('data', (text: Buffer) => resolve(text.toString()));
      child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${error}`)));
    });
    this.#ports = JSON.parse(line);
  }

  get http(): string {
    return `http://127.0.0.1:${this.#ports.http}`;
  }

  get grpc(): string {
    return `grpc://127.0.0.1:${this.#ports.grpc}`;
  }

  async fault(faults: Readonly<Record<string, unknown>>): Promise<void> {
    await fetch(`${this.http}/faults`, { method: 'PUT', body: JSON.stringify(faults) });
  }

  async seen(): Promise<Seen> {
    return (await (await fetch(`${this.http}/seen`)).json()) as Seen;
  }

  /** Without a chance to say goodbye. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async close(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
