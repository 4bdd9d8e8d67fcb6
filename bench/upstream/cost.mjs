// What taustat costs in front of another server.
// Each request goes directly to an upstream server, or through a taustat that changes nothing (mode off), in alternation
// (A B B A), over REST with binary tensors and over gRPC. At one connection the latency counts, at several the throughput.

import { readFileSync } from 'node:fs';
import { decodeModel } from '../../dist/onnx/model-file.js';
import { modelSignature } from '../../dist/onnx/signature.js';
import { PROTOCOLS } from '../../dist/tools/bench/protocol-clients.js';
import { ServerProcess } from '../../dist/tools/bench/server-process.js';
import { recordedInputs } from '../../dist/tools/inputs/recorded-inputs.js';
import { entryOf } from '../zoo/entries.mjs';

const never = new AbortController().signal;
/** Servers whose models run, or are run elsewhere, without any thermostat. @param {string[]} args */
const start = (args) =>
  ServerProcess.start(
    ['serve', ...args, '--mode', 'off', '--no-state', '--port', '0', '--grpc-port', '0'],
    never,
  );

/** @typedef {'direct' | 'through'} Arm */
/** Latencies in microseconds, and requests per second. @typedef {{ arm: Arm, p50: number, throughput: number }} Run */

/**
 * @param {readonly { send: (index: number) => Promise<unknown> }[]} clients
 * @param {number} count
 */
async function drive(clients, count) {
  /** @type {number[]} */
  const latencies = [];
  let next = 0;
  const startedAt = performance.now();
  await Promise.all(
    clients.map(async (client) => {
      while (next < count) {
        const index = next++;
        const sentAt = performance.now();
        await client.send(index);
        latencies.push(1000 * (performance.now() - sentAt));
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  return { p50: medianOf(latencies), throughput: count / seconds };
}

/** @param {readonly number[]} of */
function medianOf(of) {
  return of.toSorted((a, b) => a - b)[of.length >> 1] ?? Number.NaN;
}

/**
 * @param {{ rounds: number, requests: number, connections: number, model: string, isJson: boolean }} options
 * `requests` of each arm in a round; `model`: a row of the zoo.
 */
export async function measureCost({ rounds, requests, connections, model, isJson }) {
  const { model: path, inputs } = entryOf(model);
  const rows = await recordedInputs(modelSignature(decodeModel(readFileSync(path))), {
    inputs: Object.entries(inputs).map(([name, file]) => `${name}=${file}`),
  });
  const results = [];
  const upstream = await start([path]);
  for (const protocol of /** @type {const} */ (['binary', 'grpc'])) {
    const url = protocol === 'grpc' ? `grpc://${upstream.grpc}` : upstream.url;
    const front = await start(['--upstream', url, '--model', upstream.model]);
    for (const count of [1, connections]) {
      const clients = {
        direct: await PROTOCOLS[protocol](upstream, rows, 1, count),
        through: await PROTOCOLS[protocol](front, rows, 1, count),
      };
      /** @type {Run[]} */
      const runs = [];
      for (const arm of /** @type {Arm[]} */ (['direct', 'through'])) await drive(clients[arm], requests);
      for (let round = 0; round < rounds; round++)
        for (const arm of /** @type {Arm[]} */ (['direct', 'through', 'through', 'direct']))
          runs.push({ arm, ...(await drive(clients[arm], requests)) });
      const of = (/** @type {Arm} */ arm, /** @type {'p50' | 'throughput'} */ quantity) =>
        medianOf(runs.filter((run) => run.arm === arm).map((run) => run[quantity]));
      results.push({
        protocol: protocol === 'grpc' ? 'gRPC' : 'REST, binary',
        connections: count,
        directUs: of('direct', 'p50'),
        throughUs: of('through', 'p50'),
        addedUs: of('through', 'p50') - of('direct', 'p50'),
        directPerSecond: of('direct', 'throughput'),
        throughPerSecond: of('through', 'throughput'),
        throughputRatio: of('through', 'throughput') / of('direct', 'throughput'),
      });
      for (const client of [...clients.direct, ...clients.through]) client.close();
    }
    await front.stop();
  }
  await upstream.stop();

  if (isJson) process.stdout.write(`${JSON.stringify({ model, rounds, requests, results })}\n`);
  else {
    process.stdout.write(
      '| protocol | connections | direct p50 | through p50 | added | direct, 1/s | through, 1/s | ratio |\n',
    );
    process.stdout.write('|---|---|---|---|---|---|---|---|\n');
    for (const r of results) {
      const us = (/** @type {number} */ value) => `${value.toFixed(0)} µs`;
      process.stdout.write(
        `| ${r.protocol} | ${r.connections} | ${us(r.directUs)} | ${us(r.throughUs)} | ${us(r.addedUs)} | ${r.directPerSecond.toFixed(0)} | ${r.throughPerSecond.toFixed(0)} | ${r.throughputRatio.toFixed(2)} |\n`,
      );
    }
  }
}
