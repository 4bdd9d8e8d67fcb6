// How long the thread that serves is held up by a new drift reference, at once and in the background:
// `npm run build && node bench/drift-reference.mjs`. First: in a thread that has never made one.
import { setImmediate as turn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { driftReference } from '../dist/drift/detector.js';
import { xorshift } from '../dist/drift/xorshift.js';
import { DriftWatch } from '../dist/loop/drift-watch.js';

const WINDOW = 240;
const OPTIONS = { runLength: 1_000_000, memory: 64 };
const SITES = [3, 5, 35];
/** References that one thread makes, the first of which is cold. */
const REFERENCES = 24;
const ARMS = /** @type {const} */ (['at once', 'background', 'background', 'at once']);

/** @typedef {{ longest: number, total: number }} Held longest turn and sum of turns, in milliseconds */

/** @param {number} sites @param {() => number} random */
const requests = (sites, random) =>
  Array.from({ length: WINDOW }, () => {
    const common = random() + random() + random();
    return Array.from({ length: 2 * sites }, () => common + random());
  });

/** @type {(arm: typeof ARMS[number], window: number[][]) => Promise<Held>} */
async function held(arm, window) {
  const started = performance.now();
  if (arm === 'at once') {
    driftReference(window, OPTIONS);
    const total = performance.now() - started;
    return { longest: total, total };
  }
  const watch = new DriftWatch(OPTIONS, null);
  watch.start(window);
  let longest = 0;
  let total = 0;
  for (let from = performance.now(); watch.reference === null; from = performance.now()) {
    await turn();
    const ms = performance.now() - from;
    longest = Math.max(longest, ms);
    total += ms;
  }
  return { longest, total };
}

/** Median and, in brackets, the least: what others do on the machine only adds. @param {number[]} values */
function cell(values) {
  const sorted = values.sort((a, b) => a - b);
  const [median, least] = [sorted[sorted.length >> 1], sorted[0]].map((ms) => (ms ?? 0).toFixed(2));
  return `${median} [${least}]`;
}

async function thread() {
  const { arm, sites, seed } = workerData;
  const random = xorshift(seed);
  const all = [];
  for (let i = 0; i < REFERENCES; i++) all.push(await held(arm, requests(sites, random)));
  parentPort?.postMessage(all);
}

async function main() {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '8' }, help: { type: 'boolean', default: false } },
  });
  if (values.help) {
    console.log(`usage: node bench/drift-reference.mjs [--rounds N]
  --rounds N  rounds, of which each runs both arms twice (8)`);
    return;
  }
  console.log('| sites | arm | first: longest turn, ms | sum, ms | later: longest turn, ms | sum, ms |');
  console.log('|---|---|---|---|---|---|');
  for (const sites of SITES) {
    /** @type {Map<string, Held[][]>} */
    const runs = new Map();
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const arm of ARMS) {
        const worker = new Worker(new URL(import.meta.url), {
          workerData: { arm, sites, seed: round + 1 },
        });
        const all = await new Promise((resolve, reject) => {
          worker.once('message', resolve);
          worker.once('error', reject);
        });
        runs.set(arm, [...(runs.get(arm) ?? []), all]);
      }
    }
    for (const [arm, threads] of runs) {
      const first = threads.map(([cold]) => /** @type {Held} */ (cold));
      const later = threads.flatMap((all) => all.slice(REFERENCES >> 1));
      const cells = [first, later].flatMap((of) => [
        cell(of.map(({ longest }) => longest)),
        cell(of.map(({ total }) => total)),
      ]);
      console.log(`| ${[sites, arm, ...cells].join(' | ')} |`);
    }
  }
}

await (isMainThread ? main() : thread());
