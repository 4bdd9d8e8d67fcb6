// What a large JSON body does to everybody else: `npm run bench:large`.
// A server whose model answers its input. Large JSON is decoded and encoded in a thread of its own, or on the thread that
// serves, in alternation (A B B A). While one client sends the body, another asks for something that costs nothing.

import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { createApp } from '../dist/transport/http/app.js';
import { DEFAULT_LIMITS } from '../dist/transport/http/limits.js';
import { listen } from '../dist/transport/http/server.js';

const FILE = new URL(import.meta.url);
const ARMS = {
  threaded: {},
  inline: { threadFromBytes: Number.POSITIVE_INFINITY, threadFromElements: Number.POSITIVE_INFINITY },
};
/** @typedef {keyof typeof ARMS} Arm */

/** A data plane of one model, which answers its input. @returns {import('../dist/plane/inference.js').InferencePlane} */
function identity() {
  const spec = /** @type {const} */ ({ datatype: 'FP32', shape: [-1] });
  const metadata = {
    name: 'm',
    versions: ['1'],
    platform: '',
    inputs: [{ name: 'x', ...spec }],
    outputs: [{ name: 'y', ...spec }],
  };
  /** @type {import('../dist/plane/inference.js').AnsweringModel} */
  const model = {
    metadata,
    configuration: {
      ...metadata,
      backend: '',
      versions: 'latest',
      maxBatch: 0,
      instances: 1,
      batchDelayMs: undefined,
      fileName: 'model.onnx',
      labelFileName: '',
      parameters: {},
      optionalInputs: [],
    },
    isCurrent: true,
    admit: () => undefined,
    transported: () => undefined,
    infer: async ({ inputs }) => ({
      modelName: 'm',
      modelVersion: '1',
      parameters: {},
      outputs: inputs.map((input) => ({ ...input, name: 'y' })),
    }),
  };
  return {
    version: '',
    isLive: true,
    isReady: true,
    models: () => ['m'],
    find: () => model,
    isModelReady: () => true,
    statistics: () => [],
  };
}

/** The server's side: both arms, and how far the event loop has lagged since it was last asked. */
async function serve() {
  const urls = Object.entries(ARMS).map(async ([arm, limits]) => {
    const app = createApp(identity(), { ...DEFAULT_LIMITS, ...limits });
    return [arm, (await listen(app, { host: '127.0.0.1', port: 0 })).url];
  });
  const lag = monitorEventLoopDelay({ resolution: 1 });
  lag.enable();
  parentPort?.on('message', () => {
    parentPort?.postMessage(lag.max / 1e6);
    lag.reset();
  });
  parentPort?.postMessage(Object.fromEntries(await Promise.all(urls)));
}

/** The other client: asks all the time, from a thread of its own, until it is told to stop. */
async function probe() {
  /** @type {number[]} */
  const times = [];
  let isOver = false;
  parentPort?.once('message', () => {
    isOver = true;
  });
  while (!isOver) {
    const started = performance.now();
    await (await fetch(`${workerData.url}/v2/health/live`)).arrayBuffer();
    times.push(performance.now() - started);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  parentPort?.postMessage(times.sort((a, b) => a - b));
}

/** @param {Worker} server @param {string} url @param {Buffer} body */
async function measure(server, url, body) {
  const prober = new Worker(FILE, { workerData: { role: 'probe', url } });
  await new Promise((resolve) => setTimeout(resolve, 500));
  server.postMessage('lag');
  await once(server, 'message');
  const started = performance.now();
  const answer = await fetch(`${url}/v2/models/m/infer`, { method: 'POST', body });
  const { byteLength } = await answer.arrayBuffer();
  const seconds = (performance.now() - started) / 1000;
  if (answer.status !== 200 || byteLength < body.byteLength / 4) throw new Error(`answered ${answer.status}`);
  server.postMessage('lag');
  const [lagMs] = await once(server, 'message');
  prober.postMessage('stop');
  const [times] = await once(prober, 'message');
  return { seconds, lagMs, p99: times[Math.floor(0.99 * times.length)], max: times.at(-1) };
}

/** @param {number[]} values */
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

async function main() {
  const { values } = parseArgs({
    options: {
      megabytes: { type: 'string', default: '35' },
      rounds: { type: 'string', default: '3' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(`usage: npm run bench:large [-- OPTION …]
  --megabytes N  size of the body (35)
  --rounds N     rounds, of which each runs both arms twice (3)`);
    return;
  }
  const count = Math.round((Number(values.megabytes) * 1e6) / 9);
  const data = Array.from({ length: count }, (_, i) => ((i * 0.618) % 1).toFixed(6)).join(',');
  const body = Buffer.from(`{"inputs":[{"name":"x","datatype":"FP32","shape":[${count}],"data":[${data}]}]}`);
  const server = new Worker(FILE, { workerData: { role: 'serve' } });
  const [urls] = await once(server, 'message');
  /** @type {Record<Arm, { seconds: number; lagMs: number; p99: number; max: number }[]>} */
  const found = { threaded: [], inline: [] };
  for (const arm of /** @type {Arm[]} */ (['threaded', 'inline'])) await measure(server, urls[arm], body);
  for (let round = 0; round < Number(values.rounds); round++)
    for (const arm of /** @type {Arm[]} */ (['threaded', 'inline', 'inline', 'threaded']))
      found[arm].push(await measure(server, urls[arm], body));
  console.log(
    `a body of ${(body.byteLength / 1e6).toFixed(1)} MB of JSON there and back; medians of ${2 * Number(values.rounds)}`,
  );
  for (const [arm, runs] of Object.entries(found)) {
    const of = (/** @type {(run: (typeof runs)[number]) => number} */ get) => median(runs.map(get));
    console.log(
      `${arm.padEnd(8)}  event loop lags ${of((r) => r.lagMs).toFixed(1)} ms at most; another client: p99 ${of((r) => r.p99).toFixed(1)} ms, ` +
        `slowest ${of((r) => r.max).toFixed(1)} ms; the request itself ${of((r) => r.seconds).toFixed(2)} s`,
    );
  }
  process.exit();
}

if (isMainThread) await main();
else if (workerData.role === 'serve') await serve();
else await probe();
