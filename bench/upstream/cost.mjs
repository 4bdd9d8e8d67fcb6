// What taustat costs in front of another server.
// Each request goes directly to an upstream server, or through a taustat that changes nothing (mode off), in alternation
// (A B B A), over REST with binary tensors and over gRPC. At one connection the latency counts, at several the throughput: how
// much of it is left depends on the model's own time, so there are models and batches of several.

import { readFileSync } from 'node:fs';
import { BUNDLED_NAME, bundledModel } from '../../dist/config/bundled-model.js';
import { decodeModel } from '../../dist/onnx/model-file.js';
import { modelSignature } from '../../dist/onnx/signature.js';
import { PROTOCOLS } from '../../dist/tools/bench/protocol-clients.js';
import { ServerProcess } from '../../dist/tools/bench/server-process.js';
import { recordedInputs } from '../../dist/tools/inputs/recorded-inputs.js';
import { present } from '../present.mjs';
import { entryOf } from '../zoo/entries.mjs';

// Several connections make a queue in front of one worker: nobody is refused here.
process.env.TAUSTAT_RUNTIME_MAX_QUEUE_MS = '60000';

const never = new AbortController().signal;
/** Servers whose models run, or are run elsewhere, without any thermostat. @param {string[]} args */
const start = (args) =>
  ServerProcess.start(
    ['serve', ...args, '--mode', 'off', '--no-state', '--port', '0', '--grpc-port', '0'],
    never,
  );

/** @typedef {'direct' | 'through'} Arm */
/** @typedef {{ model: string, batch: number }} Load - a row of the zoo or the bundled model, and rows of each request. */
/** A median, and the smallest and the largest of the rounds. @typedef {{ median: number, from: number, to: number }} Spread */

/** From 50 µs to 10 ms. @type {readonly Load[]} */
export const LOADS = [
  { model: 'optical-digits-mlp', batch: 1 },
  { model: BUNDLED_NAME, batch: 1 },
  { model: BUNDLED_NAME, batch: 3 },
  { model: BUNDLED_NAME, batch: 11 },
];

/**
 * Ends after `count` requests or `ms`, whatever comes first.
 *
 * @param {readonly { send: (index: number) => Promise<unknown> }[]} clients
 * @param {{ count: number, ms: number }} limits
 */
async function drive(clients, { count, ms }) {
  /** @type {number[]} */
  const latencies = [];
  let next = 0;
  const startedAt = performance.now();
  await Promise.all(
    clients.map(async (client) => {
      while (next < count && performance.now() - startedAt < ms) {
        const index = next++;
        const sentAt = performance.now();
        await client.send(index);
        latencies.push(1000 * (performance.now() - sentAt));
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  return { p50: medianOf(latencies), throughput: latencies.length / seconds };
}

/** @param {readonly number[]} of */
function medianOf(of) {
  return of.toSorted((a, b) => a - b)[of.length >> 1] ?? Number.NaN;
}

/** @param {readonly number[]} of @returns {Spread} */
function spreadOf(of) {
  return { median: medianOf(of), from: Math.min(...of), to: Math.max(...of) };
}

/** Time that a run of the model took in a server so far, in milliseconds. @param {ServerProcess} server */
async function runMsOf({ url, model }) {
  const response = await fetch(`${url}/v2/models/${model}/stats`);
  const { model_stats: models } =
    /** @type {{ model_stats: { inference_stats: { compute_infer: { count: number, ns: number } } }[] }} */ (
      await response.json()
    );
  const { count, ns } = present(models[0]).inference_stats.compute_infer;
  return { count, ms: ns / 1e6 };
}

/** @param {string} name - see `Load`. */
function filesOf(name) {
  if (name === BUNDLED_NAME)
    return { path: bundledModel('model.onnx'), inputs: [bundledModel('inputs.npy')] };
  const { model, inputs } = entryOf(name);
  return { path: model, inputs: Object.entries(inputs).map(([input, file]) => `${input}=${file}`) };
}

/**
 * @param {Load} load
 * @param {{ rounds: number, requests: number, connections: number, seconds: number }} options - `requests` of each arm in a
 *   round, for at most so many seconds.
 */
async function measureLoad({ model, batch }, { rounds, requests, connections, seconds }) {
  const { path, inputs } = filesOf(model);
  const rows = await recordedInputs(modelSignature(decodeModel(readFileSync(path))), { inputs });
  const limits = { count: requests, ms: 1000 * seconds };
  const results = [];
  const upstream = await start([path]);
  for (const protocol of /** @type {const} */ (['binary', 'grpc'])) {
    const url = protocol === 'grpc' ? `grpc://${upstream.grpc}` : upstream.url;
    const front = await start(['--upstream', url, '--model', upstream.model]);
    for (const count of [1, connections]) {
      const clients = {
        direct: await PROTOCOLS[protocol](upstream, rows, batch, count),
        through: await PROTOCOLS[protocol](front, rows, batch, count),
      };
      for (const arm of /** @type {Arm[]} */ (['direct', 'through'])) await drive(clients[arm], limits);
      const before = await runMsOf(upstream);
      const pairs = [];
      for (let round = 0; round < rounds; round++)
        for (const first of /** @type {Arm[]} */ (['direct', 'through'])) {
          const second = first === 'direct' ? 'through' : 'direct';
          const [one, other] = [await drive(clients[first], limits), await drive(clients[second], limits)];
          pairs.push(first === 'direct' ? { direct: one, through: other } : { direct: other, through: one });
        }
      const after = await runMsOf(upstream);
      results.push({
        model,
        batch,
        protocol: protocol === 'grpc' ? 'gRPC' : 'REST, binary',
        connections: count,
        modelMs: (after.ms - before.ms) / (after.count - before.count),
        directUs: spreadOf(pairs.map(({ direct }) => direct.p50)),
        throughUs: spreadOf(pairs.map(({ through }) => through.p50)),
        addedUs: spreadOf(pairs.map(({ direct, through }) => through.p50 - direct.p50)),
        directPerSecond: spreadOf(pairs.map(({ direct }) => direct.throughput)),
        throughPerSecond: spreadOf(pairs.map(({ through }) => through.throughput)),
        throughputRatio: spreadOf(pairs.map(({ direct, through }) => through.throughput / direct.throughput)),
      });
      for (const client of [...clients.direct, ...clients.through]) client.close();
    }
    await front.stop();
  }
  await upstream.stop();
  return results;
}

/**
 * @param {{ rounds: number, requests: number, connections: number, seconds: number, loads: readonly Load[], isJson: boolean }}
 *   options
 */
export async function measureCost({ loads, isJson, ...options }) {
  const results = [];
  for (const load of loads) results.push(...(await measureLoad(load, options)));
  if (isJson) {
    process.stdout.write(`${JSON.stringify({ ...options, results })}\n`);
    return;
  }
  const median = (/** @type {Spread} */ { median }) => median.toFixed(0);
  const spread = (/** @type {Spread} */ { median, from, to }, /** @type {number} */ digits) =>
    `${median.toFixed(digits)} (${from.toFixed(digits)}–${to.toFixed(digits)})`;
  const lines = [
    '| model, rows | its time | protocol | connections | direct p50, µs | through p50, µs | added, µs | direct, 1/s | through, 1/s | through ÷ direct |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...results.map((r) =>
      [
        '',
        `${r.model}, ${r.batch}`,
        `${r.modelMs.toPrecision(2)} ms`,
        r.protocol,
        r.connections,
        median(r.directUs),
        median(r.throughUs),
        spread(r.addedUs, 0),
        median(r.directPerSecond),
        median(r.throughPerSecond),
        spread(r.throughputRatio, 2),
        '',
      ]
        .join(' | ')
        .trim(),
    ),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
