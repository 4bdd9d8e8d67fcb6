import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { BinaryClient } from '../../dist/tools/demo/client.js';
import { dimmed } from '../../dist/tools/demo/drift.js';
import { inputRows } from '../../dist/tools/inputs/input-rows.js';
import { readNpy } from '../../dist/tools/inputs/npy.js';

/** @import { ModelMetadata } from '../../dist/protocol/types.js' */
/** @import { PruningReport } from '../../dist/tools/demo/run.js' */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CLI = join(ROOT, 'dist/cli.js');

/** Models of the scene: where each comes from, its inputs, and the pause between two of its requests in milliseconds. */
const MODELS = /** @type {const} */ ({
  'fashion-mnist-vgg': {
    file: 'models/fashion-mnist-vgg/model.onnx',
    inputs: 'models/fashion-mnist-vgg/inputs.npy',
    pauseMs: 8,
  },
  'fashion-mnist-mlp-wide': {
    file: 'bench/zoo/models/fashion-mnist-mlp-wide/model.onnx',
    inputs: 'bench/zoo/data/fashion-mnist/inputs.npy',
    pauseMs: 20,
  },
  'optical-digits-cnn': {
    file: 'bench/zoo/models/optical-digits-cnn/model.onnx',
    inputs: 'bench/zoo/data/optical-digits/inputs.npy',
    pauseMs: 25,
  },
  'optical-digits-mlp': {
    file: 'bench/zoo/models/optical-digits-mlp/model.onnx',
    inputs: 'bench/zoo/data/optical-digits/inputs.npy',
    pauseMs: 40,
  },
});

/** @typedef {keyof typeof MODELS} ModelName */

/** As the demo: it has no more than minutes. All else is as by default. */
const SETTINGS = {
  sampling: { budget: 0.1, searchBudget: 1 },
  agreement: { floor: 0.98 },
  runtime: { workers: 1 },
};

/** A program that this script has started. */
export class Program {
  #said = '';
  #child;
  #ended;

  /** @param {string} command @param {readonly string[]} args */
  constructor(command, args) {
    this.#child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child.stdout.on('data', (chunk) => {
      this.#said += chunk;
    });
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', resolve);
    });
    this.#ended.catch(() => undefined);
  }

  /** The first group of a pattern, once it has been said. @param {RegExp} pattern */
  async saying(pattern) {
    await until(`${this.#child.spawnargs.join(' ')} says ${pattern}`, () => {
      if (this.#child.exitCode !== null) throw new Error(`ended with ${this.#child.exitCode}: ${this.#said}`);
      return pattern.test(this.#said);
    });
    return String(pattern.exec(this.#said)?.[1]);
  }

  /** All that it has said, once it has ended. */
  async output() {
    await this.#ended;
    return this.#said;
  }

  async stop() {
    this.#child.kill('SIGTERM');
    await this.#ended;
  }
}

/** @param {...string} args */
export function taustat(...args) {
  return new Program(process.execPath, [CLI, ...args]);
}

/** A server of several models, each with replayed traffic. */
export class Scene {
  #server;
  #url = '';
  #isOver = false;
  /** @type {Promise<unknown>} */
  #traffic = Promise.resolve();
  /** @type {Set<ModelName>} */
  #dimmed = new Set();

  /** @param {string} folder - for the repository and the state; gone after the scene. */
  constructor(folder) {
    for (const [name, { file }] of Object.entries(MODELS)) {
      mkdirSync(join(folder, 'models', name, '1'), { recursive: true });
      cpSync(join(ROOT, file), join(folder, 'models', name, '1/model.onnx'));
    }
    // A model that cannot be opened, as there is one in every fleet.
    mkdirSync(join(folder, 'models/half-copied/1'), { recursive: true });
    writeFileSync(join(folder, 'models/half-copied/1/model.onnx'), 'half');
    writeFileSync(join(folder, 'taustat.json'), JSON.stringify(SETTINGS));
    this.#server = taustat(
      'serve',
      ...['--config', join(folder, 'taustat.json')],
      ...['--model-repository', join(folder, 'models')],
      ...['--state-dir', join(folder, 'state')],
      ...['--port', '0'],
    );
  }

  get url() {
    return this.#url;
  }

  async open() {
    this.#url = await this.#server.saying(/"url":"([^"]+)"/);
    this.#traffic = Promise.all(
      Object.keys(MODELS).map((name) => this.#replay(/** @type {ModelName} */ (name))),
    );
  }

  /** Half of the light goes. @param {ModelName} model */
  dim(model) {
    this.#dimmed.add(model);
  }

  /** @param {ModelName} model @param {object} change */
  async choose(model, change) {
    const answer = await fetch(`${this.#url}/v2/models/${model}/pruning`, {
      method: 'PUT',
      body: JSON.stringify(change),
    });
    if (!answer.ok) throw new Error(await answer.text());
  }

  /** @param {ModelName} model @param {(report: PruningReport) => boolean} isReached */
  until(model, isReached) {
    return until(`${model}: ${isReached}`, async () => isReached(await this.report(model)));
  }

  /** @param {ModelName} model */
  async report(model) {
    const answer = await fetch(`${this.#url}/v2/models/${model}/pruning`);
    return /** @type {PruningReport} */ (await answer.json());
  }

  async close() {
    this.#isOver = true;
    await this.#traffic.finally(() => this.#server.stop());
  }

  /** @param {ModelName} model */
  async #replay(model) {
    const { inputs, pauseMs } = MODELS[model];
    const answer = await fetch(`${this.#url}/v2/models/${model}`);
    const metadata = /** @type {ModelMetadata} */ (await answer.json());
    const array = await readNpy(join(ROOT, inputs));
    const rows = inputRows(metadata.inputs, new Map(metadata.inputs.map(({ name }) => [name, array])));
    const client = new BinaryClient(this.#url, model, 1);
    for (let i = 0; !this.#isOver; i++) {
      const tensors = rows.batch(i % rows.count, (i % rows.count) + 1);
      const sent = this.#dimmed.has(model) ? tensors.map(dimmed) : tensors;
      const { status } = await client.infer(`scene-${i}`, sent, 'on');
      if (status !== 200) throw new Error(`${model} answers ${status}`);
      await sleep(pauseMs);
    }
    client.close();
  }
}

/** On a machine that is busy with other things a threshold takes long, and pruning may not be found to save time. */
const LONGEST_MS = 10 * 60_000;

/** Waits for something that will hold. @param {string} what @param {() => boolean | Promise<boolean>} holds */
export async function until(what, holds) {
  const end = performance.now() + LONGEST_MS;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`);
    await sleep(200);
  }
}
