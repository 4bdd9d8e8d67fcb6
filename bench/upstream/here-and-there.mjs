// One model twice: run by this process, and by another one behind a socket that serves it and the instrumented one beside it.

import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadModel } from '../../dist/runtime/local/load-model.js';
import { WorkerRuntime } from '../../dist/runtime/local/worker-runtime.js';
import { connectUpstream } from '../../dist/runtime/upstream/connect.js';
import { readUpstreamModel } from '../../dist/runtime/upstream/upstream-model.js';
import { UpstreamRuntime } from '../../dist/runtime/upstream/upstream-runtime.js';
import { ServerProcess } from '../../dist/tools/bench/server-process.js';
import { upstreamExport } from '../../dist/tools/export/upstream-export.js';

/** @typedef {import('../../dist/runtime/runtime.js').Runtime} Runtime */

const PLAIN = 'm';
const INSTRUMENTED = 'm_taustat';
/** Limits that nothing reaches: runs come one after the other. */
const ROOM = { maxQueue: 64, maxShadowQueue: 8 };
const LIMIT_MS = 60_000;

/** The model in worker threads, by ONNX Runtime's own operators, as an upstream server has them. @param {string} file */
export async function openHere(file) {
  const model = await loadModel(file, { scheme: 'activations' });
  const runtime = await WorkerRuntime.start({ ...model.setup, intraOpThreads: 1 }, { workers: 1, ...ROOM });
  return { model, runtime, close: () => runtime.close() };
}

/** A taustat that serves the plain model and the instrumented one. @param {string} file */
export async function startThere(file) {
  const plain = readFileSync(file);
  const folder = await mkdtemp(join(tmpdir(), 'taustat-decisions-'));
  const models = { [PLAIN]: plain, [INSTRUMENTED]: upstreamExport(plain, { scheme: 'activations' }).bytes };
  for (const [name, bytes] of Object.entries(models)) {
    await mkdir(join(folder, name, '1'), { recursive: true });
    await writeFile(join(folder, name, '1', 'model.onnx'), bytes);
  }
  const options = ['--mode', 'off', '--no-state', '--workers', '1', '--port', '0', '--grpc-port', '0'];
  const server = await ServerProcess.start(
    ['serve', '--model-repository', folder, ...options],
    new AbortController().signal,
  );
  return {
    http: server.url,
    grpc: `grpc://${server.grpc}`,
    close: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The model as an upstream server runs it. @param {string} url - of a server with models `m` and `m_taustat`. */
export async function openThere(url) {
  const client = await connectUpstream(url, {});
  const names = { name: PLAIN, instrumented: INSTRUMENTED };
  const model = await readUpstreamModel(client, names, AbortSignal.timeout(LIMIT_MS));
  const options = { maxConcurrent: 4, maxShadows: 1, maxRunMs: LIMIT_MS, forwardHeaders: [], ...ROOM };
  const runtime = new UpstreamRuntime(client, model, options);
  return {
    model: { ...model, signature: model.metadata },
    runtime,
    close: async () => {
      await runtime.close();
      await client.close();
    },
  };
}
