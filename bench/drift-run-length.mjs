// Observed against configured mean run length of the drift detector, and how soon it notices a change:
// `npm run build && node bench/drift-run-length.mjs`.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import * as ort from 'onnxruntime-node';
import { bundledModel } from '../dist/config/bundled-model.js';
import { driftReference, readDrift } from '../dist/drift/detector.js';
import { xorshift } from '../dist/drift/xorshift.js';
import { binned } from '../dist/estimator/binning.js';
import { summarize } from '../dist/estimator/summary.js';
import { instrument } from '../dist/onnx/instrument.js';
import { THRESHOLD_INPUT } from '../dist/onnx/names.js';
import { readNpy } from '../dist/tools/inputs/npy.js';
import { present } from './present.mjs';

/** @typedef {import('../dist/estimator/summary.js').RequestSummary} RequestSummary */
/** @typedef {() => number} Random */
/** @typedef {(random: Random) => RequestSummary} Draw */
/** @typedef {{ draw: Draw, larger: Draw, smaller: Draw, other?: Draw }} Traffic */

const { values: options } = parseArgs({
  options: {
    references: { type: 'string', default: '400' },
    lengths: { type: 'string', default: '1000,20000' },
    delays: { type: 'string', default: '101' },
    only: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(`usage: node bench/drift-run-length.mjs [OPTION …]
  --references N  references, each with a run of its own (400)
  --lengths LIST  configured run lengths (1000,20000)
  --delays N      alarms that a median delay is taken of (101)
  --only TEXT     only traffic whose name has this in it`);
  process.exit();
}
const REFERENCES = Number(options.references);
const WINDOW = 256;
const MEMORY = 64;
const BATCH = 4;
const DELAYS = Number(options.delays);
/** Runs are given up after so many times the configured length. */
const LONGEST = 50;

/** @param {Random} random */
const normal = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/**
 * Traffic whose levels differ by `deviation` between requests of one kind, so that 1.5 times is ln 1.5 / deviation.
 * @param {Draw} scores - numbers per channel, of deviation about 1
 * @param {number} deviation
 * @returns {Traffic}
 */
function synthetic(scores, deviation) {
  /** @param {number} factor @returns {Draw} */
  const times = (factor) => (random) =>
    scores(random).map((x, c) => deviation * x + (c % 2 === 0 ? Math.log(factor) : 0));
  return { draw: times(1), larger: times(1.5), smaller: times(1 / 1.5) };
}

/** @param {number} channels @param {number} correlation @returns {Draw} */
const equicorrelated = (channels, correlation) => (random) => {
  const common = Math.sqrt(correlation) * normal(random);
  return Array.from({ length: channels }, () => common + Math.sqrt(1 - correlation) * normal(random));
};
/** @type {Draw} */
const heavyTailed = (random) => {
  const size = 1 / Math.sqrt(0.01 - Math.log(1 - random()));
  return equicorrelated(10, 0.5)(random).map((x) => size * x);
};
/** @type {Draw} */
const pairs = (random) =>
  Array.from({ length: 20 }, () => normal(random)).flatMap((x) => [x, x + 0.1 * normal(random)]);
/** @type {Draw} */
const atoms = (random) => {
  const isCommon = random() < 0.8;
  return Array.from({ length: 4 }, () => Math.floor(random() * (isCommon ? 3 : 2)) + (isCommon ? 0 : 3));
};

/** The bundled model on its test images: every image a request, at its own and at changed activations. */
async function bundled() {
  const images = /** @type {Uint8Array} */ ((await readNpy(bundledModel('inputs.npy'))).elements);
  const labels = (await readNpy(bundledModel('labels.npy'))).elements;
  const { bytes, sites } = instrument(readFileSync(bundledModel('model.onnx')));
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const input = session.inputNames.find((name) => name !== THRESHOLD_INPUT) ?? '';
  const dense = new ort.Tensor('float32', new Float32Array(sites.length), [sites.length]);
  const pixels = 28 * 28;
  /** @type {RequestSummary[]} */
  const pool = [];
  for (let i = 0; i < images.length / pixels; i++) {
    const image = Float32Array.from(images.subarray(i * pixels, (i + 1) * pixels));
    const feeds = { [input]: new ort.Tensor('float32', image, [1, 1, 28, 28]), [THRESHOLD_INPUT]: dense };
    const outputs = await session.run(feeds);
    pool.push(
      summarize(
        sites.map(({ tap }) => {
          const { buffer, byteOffset, length } = /** @type {Float32Array} */ (present(outputs[tap]).data);
          return binned(new Uint32Array(buffer, byteOffset, length));
        }),
      ),
    );
  }
  const half = pool.filter((_, i) => Number(labels[i]) < 5);
  /** @param {readonly RequestSummary[]} from @param {number} factor @returns {Draw} */
  const of = (from, factor) => (random) =>
    /** @type {RequestSummary} */ (from[Math.floor(random() * from.length)]).map((x, c) =>
      c % 2 === 0 ? x + Math.log(factor) : x,
    );
  return { draw: of(pool, 1), larger: of(pool, 1.5), smaller: of(pool, 1 / 1.5), other: of(half, 1) };
}

/** @type {Readonly<Record<string, Traffic>>} */
const TRAFFIC = {
  'one site': synthetic(equicorrelated(2, 0), 0.3),
  'five sites, independent': synthetic(equicorrelated(10, 0), 0.3),
  'five sites, correlation .9': synthetic(equicorrelated(10, 0.9), 0.3),
  'five sites, correlation .99': synthetic(equicorrelated(10, 0.99), 0.3),
  'five sites, heavy tails': synthetic(heavyTailed, 0.3),
  'twenty sites, in near pairs': synthetic(pairs, 0.3),
  'two sites, five atoms': synthetic(atoms, 0.3),
  'bundled CNN, five sites': await bundled(),
};

/** @param {Draw} draw @param {number} count @param {Random} random */
const requests = (draw, count, random) => Array.from({ length: count }, () => draw(random));

/**
 * Requests until the alarm after `quiet` requests of the reference's own traffic; null when those raised one.
 * @param {Draw} before @param {Draw} after @param {number} runLength @param {number} quiet @param {Random} random
 */
function untilAlarm(before, after, runLength, quiet, random) {
  const reference = driftReference(requests(before, WINDOW, random), { runLength, memory: MEMORY });
  let reading = readDrift(reference, requests(before, quiet, random), null);
  if (reading.isDrift) return null;
  while (!reading.isDrift && reading.requests < LONGEST * runLength) {
    reading = readDrift(reference, requests(after, BATCH, random), reading);
  }
  return reading.requests - quiet - BATCH / 2;
}

/** @param {Draw} before @param {Draw | undefined} after @param {number} runLength @param {Random} random */
function medianDelay(before, after, runLength, random) {
  if (after === undefined) return '';
  const delays = [];
  while (delays.length < DELAYS) {
    const delay = untilAlarm(before, after, runLength, 256, random);
    if (delay !== null) delays.push(delay);
  }
  return delays.sort((a, b) => a - b)[DELAYS >> 1];
}

console.log('| traffic | configured | observed | standard error | ×1.5 | ×0.67 | half of the classes |');
console.log('|---|---|---|---|---|---|---|');
for (const runLength of options.lengths.split(',').map(Number)) {
  for (const [name, { draw, larger, smaller, other }] of Object.entries(TRAFFIC)) {
    if (!name.includes(options.only)) continue;
    const random = xorshift(runLength);
    const runs = Array.from({ length: REFERENCES }, () => untilAlarm(draw, draw, runLength, 0, random) ?? 0);
    const mean = runs.reduce((a, b) => a + b, 0) / REFERENCES;
    const variance = runs.reduce((a, x) => a + (x - mean) ** 2, 0) / (REFERENCES - 1);
    const delays = [larger, smaller, other].map((after) => medianDelay(draw, after, runLength, random));
    const figures = [mean, Math.sqrt(variance / REFERENCES)].map((x) => Math.round(x).toLocaleString('en'));
    console.log(`| ${[name, runLength.toLocaleString('en'), ...figures, ...delays].join(' | ')} |`);
  }
}
