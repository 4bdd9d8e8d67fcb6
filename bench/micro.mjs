// Micro benchmarks of the estimator and the codecs: `npm run bench:micro`.
import { parseArgs } from 'node:util';
import { Bench } from 'tinybench';
import { criticality } from '../dist/criticality/critical-point.js';
import { freeEnergyAt, logGrid } from '../dist/criticality/free-energy.js';
import { driftReference, readDrift } from '../dist/drift/detector.js';
import { xorshift } from '../dist/drift/xorshift.js';
import { binned } from '../dist/estimator/binning.js';
import { edgeOf } from '../dist/estimator/bins.js';
import { cloneHistogram, finish, mergeAll, tails } from '../dist/estimator/histogram.js';
import { RollingWindow } from '../dist/estimator/rolling-window.js';
import { summarize } from '../dist/estimator/summary.js';
import { decodeInferRequest } from '../dist/protocol/decode-request.js';
import { present } from './present.mjs';

const { values: options } = parseArgs({
  options: {
    milliseconds: { type: 'string', default: '400' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(`usage: npm run bench:micro [-- OPTION …]
  --milliseconds N  how long each benchmark runs (400)
  --json            one line of JSON instead of a table`);
  process.exit();
}

const random = xorshift(1);
/** @param {number} length */
const relu = (length) =>
  Float32Array.from({ length }, () =>
    Math.max(0, Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())),
  );
/** @param {Float32Array} values */
const bits = (values) => new Uint32Array(values.buffer);

const SITES = 5;
const window = new RollingWindow({ sites: SITES, slices: 16, sliceSamples: 16, maxAgeMs: 1e9 });
/** Every sample its own: slices that were alike would have no noise to work on. */
const pool = Array.from({ length: 256 }, () =>
  Array.from({ length: SITES }, (_, site) => binned(bits(relu(12544 >> site)))),
);
for (const sample of pool) window.add(sample, 0);
const [first = []] = pool;
const snapshot = window.snapshot();
const { slices } = snapshot;
let moved = slices;
const all = mergeAll(slices.map(mergeAll));
/** So few activations that F turns everywhere and nothing is significant: every point is compared with every other. */
const noisy = Array.from({ length: 16 }, () => [binned(bits(relu(400)))]);
const grid = Array.from(logGrid(tails(all), { perOctave: 8, sparsity: [0.02, 0.95] }), edgeOf);
const drift = { runLength: 100_000, memory: 64 };
const reference = driftReference(snapshot.requests, drift);
const newest = snapshot.requests.slice(-16);

/** @type {import('../dist/protocol/types.js').TensorSpec} */
const image = { name: 'x', datatype: 'FP32', shape: [-1, 784] };
const model = { name: 'm', versions: ['1'], platform: '', inputs: [image], outputs: [] };
const data = Array.from(relu(784));
const json = Buffer.from(
  JSON.stringify({ inputs: [{ name: 'x', shape: [1, 784], datatype: 'FP32', data }] }),
);
const head = Buffer.from(
  '{"inputs":[{"name":"x","shape":[1,784],"datatype":"FP32","parameters":{"binary_data_size":3136}}]}',
);
const binary = Buffer.concat([head, Buffer.from(Float32Array.from(data).buffer)]);

/** @type {Readonly<Record<string, number>>} */
const ACTIVATIONS = { 'binning 12,544': 12544, 'binning 262,144': 262144, 'binning 4,194,304': 4194304 };
const time = Number(options.milliseconds);
const bench = new Bench({ time, warmupTime: time / 3 });
for (const [name, length] of Object.entries(ACTIVATIONS)) {
  const tensor = bits(relu(length));
  bench.add(name, () => binned(tensor));
}
bench
  .add('window: add one sample', () => window.add(first, 0))
  .add('window: snapshot', () => window.snapshot())
  .add('F on the log grid', () => freeEnergyAt(tails(all), grid, 'normalized'))
  // Between two estimates a slice comes and one goes.
  .add(
    'F, features, τ* from a full window',
    () => criticality(moved, undefined, { window: snapshot.sites }),
    {
      beforeEach: () => {
        moved = [...slices.slice(1), present(slices[0]).map((h) => finish(cloneHistogram(h)))];
      },
    },
  )
  .add('the same from a window of noise', () => criticality(noisy))
  .add('drift: summary of one request', () => summarize(first))
  .add('drift: one reading of 16', () => readDrift(reference, newest, null))
  .add('drift: a new reference', () => driftReference(snapshot.requests, drift))
  .add('decode JSON, 784 floats', () => decodeInferRequest(json, undefined, model, { maxBatch: undefined }))
  .add('decode binary, 784 floats', () =>
    decodeInferRequest(binary, head.length, model, { maxBatch: undefined }),
  );
await bench.run();

const rows = bench.tasks.map(({ name, result }) => {
  if (result.state !== 'completed') throw new Error(`${name} ended ${result.state}`);
  const ms = result.latency.p50;
  const length = ACTIVATIONS[name];
  return {
    name,
    medianUs: ms * 1000,
    p99Us: result.latency.p99 * 1000,
    ...(length === undefined ? {} : { nsPerActivation: (ms * 1e6) / length }),
  };
});
if (options.json) console.log(JSON.stringify(rows));
else
  console.table(
    rows.map(({ name, medianUs, p99Us, nsPerActivation }) => ({
      name,
      'median µs': medianUs.toFixed(1),
      'p99 µs': p99Us.toFixed(1),
      'ns per activation': nsPerActivation?.toFixed(2) ?? '',
    })),
  );
