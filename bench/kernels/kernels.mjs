// Sparse operators against ONNX Runtime's dense ones, inside a graph, by instruction set, shape and density: `npm run bench:kernels`.
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { loadNative } from '../../dist/runtime/local/native/load.js';
import { inputShape, makeChain, megaMacs, modelOf } from './chains.mjs';
import { writeSection } from './section.mjs';

process.env.ORT_DISABLE_TELEMETRY = '1';
const ort = await import('onnxruntime-node');

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    milliseconds: { type: 'string', default: '30' },
    densities: { type: 'string', default: '0.65,0.5,0.35,0.25,0.15' },
    kernels: { type: 'string' },
    shapes: { type: 'string', default: '' },
    json: { type: 'string' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(`usage: npm run bench:kernels [-- OPTION …]
  --kernels NAMES   separated by commas (all that this machine has)
  --shapes TEXT     only shapes whose name holds TEXT
  --densities LIST  shares of nonzero activations (0.65,0.5,0.35,0.25,0.15)
  --rounds N        rounds, each dense – sparse – sparse – dense (9)
  --milliseconds N  how long each arm of a round runs (30)
  --json FILE       writes the figures
  --write           writes the tables to docs/performance.md`);
  process.exit();
}

/** @typedef {import('./chains.mjs').Layer} Layer */
/** @param {number} channels @param {number} size @param {number} batch @param {number} kernel @param {number} columns @returns {[string, Layer]} */
const conv = (channels, size, batch = 1, kernel = 3, columns = channels) => [
  `conv ${kernel}×${kernel} ${channels}→${columns} ${size}², batch ${batch}`,
  { kind: 'conv', channels, columns, size, kernel, batch },
];
/** @param {number} rows @param {number} depth @param {number} columns @returns {[string, Layer]} */
const matmul = (rows, depth, columns) => [
  `matmul ${rows}×${depth}×${columns}`,
  { kind: 'matmul', rows, depth, columns },
];
const SHAPES = [
  conv(32, 56),
  conv(64, 28),
  conv(64, 56),
  conv(128, 14),
  conv(128, 28),
  conv(256, 14),
  conv(256, 7),
  conv(512, 7),
  conv(256, 14, 1, 1, 64),
  conv(64, 28, 16),
  conv(128, 14, 16),
  conv(256, 7, 16),
  matmul(1, 512, 256),
  matmul(1, 3072, 768),
  matmul(16, 512, 256),
  matmul(16, 3072, 768),
  matmul(128, 3072, 768),
  matmul(196, 1024, 256),
].filter(([name]) => name.includes(options.shapes));

/** Layers of a chain: an even number, so that it ends in the shape it began with. */
const LAYERS = 4;
const load = loadNative();
if (load.kind === 'unavailable') throw new Error(`${load.reason}: ${load.howTo}`);
const { addon, libraryPath } = load;
const { available, onnxruntime } = addon.init(libraryPath, 'auto');
const kernels = options.kernels === undefined ? available : options.kernels.split(',');
const densities = options.densities.split(',').map(Number);
const rounds = Number(options.rounds);
const [load1 = 0] = loadavg();

/** @type {import('onnxruntime-node').InferenceSession.SessionOptions} */
const oneThread = { intraOpNumThreads: 1, interOpNumThreads: 1 };

/** @type {import('./chains.mjs').DenseRun} */
async function denseRun(bytes, input, shape) {
  const session = await ort.InferenceSession.create(bytes, oneThread);
  const { y } = await session.run({ x: new ort.Tensor('float32', input, shape) });
  await session.release();
  return /** @type {Float32Array} */ (y?.data);
}

/** Microseconds per run over at least `milliseconds`. @param {() => Promise<unknown> | unknown} run @param {number} count */
async function time(run, count) {
  const begun = performance.now();
  for (let i = 0; i < count; i++) await run();
  return ((performance.now() - begun) * 1000) / count;
}

/** @param {number[]} values */
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
/** @param {Float32Array} a @param {Float32Array} b */
const largestError = (a, b) => {
  const scale = b.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  return a.reduce((most, v, i) => Math.max(most, Math.abs(v - (b[i] ?? 0))), 0) / scale;
};

/** @typedef {{ min: number, median: number }} Figure */
/**
 * @type {{ name: string, kernels: string, density: number, megaMacs: number, denseUs: Figure, sparseUs: Figure,
 *   boundDenseUs: Figure, speedup: Figure, bindingAlone: number, error: number }[]}
 */
const rows = [];
for (const [name, layer] of SHAPES) {
  for (const density of densities) {
    const { input, layers } = await makeChain(layer, LAYERS, density, denseRun);
    const shape = inputShape(layer);
    const dense = modelOf(layers, 'dense');
    const sparse = modelOf(layers, 'sparse');
    const plain = await ort.InferenceSession.create(dense, oneThread);
    const feeds = { x: new ort.Tensor('float32', input, shape) };
    const inputs = [{ name: 'x', type: 1, shape, elements: input }];
    const expected = /** @type {Float32Array} */ ((await plain.run(feeds)).y?.data);
    for (const kernel of kernels) {
      addon.init(
        libraryPath,
        /** @type {import('../../dist/runtime/local/native/addon.js').KernelName} */ (kernel),
      );
      const session = addon.createSession(sparse, { intraOpThreads: 1 });
      const bound = addon.createSession(dense, { intraOpThreads: 1 });
      const arms = [
        () => plain.run(feeds),
        () => addon.run(session, inputs, ['y']),
        () => addon.run(bound, inputs, ['y']),
      ];
      const [y] = addon.run(session, inputs, ['y']);
      const error = largestError(/** @type {Float32Array} */ (y?.elements), expected);
      const { multiplied, multiplications } = addon.counts(session);
      const counts = [];
      for (const arm of arms) {
        await time(arm, 3);
        counts.push(Math.max(3, Math.ceil((Number(options.milliseconds) * 1000) / (await time(arm, 3)))));
      }
      /** @type {number[][]} */
      const times = [[], [], []];
      for (let round = 0; round < rounds; round++)
        for (const arm of [0, 1, 2, 2, 1, 0])
          times[arm]?.push(await time(/** @type {() => unknown} */ (arms[arm]), counts[arm] ?? 1));
      const [a = [], b = [], c = []] = times;
      rows.push({
        name,
        kernels: kernel,
        density: multiplied / multiplications,
        megaMacs: LAYERS * megaMacs(layer),
        denseUs: { min: Math.min(...a), median: median(a) },
        sparseUs: { min: Math.min(...b), median: median(b) },
        boundDenseUs: { min: Math.min(...c), median: median(c) },
        speedup: { min: Math.min(...a) / Math.min(...b), median: median(a) / median(b) },
        bindingAlone: Math.min(...a) / Math.min(...c),
        error,
      });
      const row = /** @type {typeof rows[number]} */ (rows.at(-1));
      console.error(
        `${name} · ${kernel} · density ${row.density.toFixed(2)}: ${row.denseUs.min.toFixed(0)} → ${row.sparseUs.min.toFixed(0)} µs, ×${row.speedup.min.toFixed(2)} (median ${row.speedup.median.toFixed(2)}), binding alone ×${row.bindingAlone.toFixed(2)}, error ${error.toExponential(0)}`,
      );
      addon.release(session);
      addon.release(bound);
    }
    await plain.release();
  }
}

const tables = kernels.map((kernel) =>
  [
    `| ${kernel} | ${densities.join(' | ')} |`,
    `|---|${densities.map(() => '---').join('|')}|`,
    ...SHAPES.map(([name]) => {
      const cells = rows
        .filter((row) => row.name === name && row.kernels === kernel)
        .map(({ speedup }) => `${speedup.min.toFixed(2)} (${speedup.median.toFixed(2)})`);
      return `| ${name} | ${cells.join(' | ')} |`;
    }),
  ].join('\n'),
);
const setting = `ONNX Runtime ${onnxruntime}, ${cpus()[0]?.model}, one thread, ${rounds} rounds A B B A, load of the machine ${load1.toFixed(1)} before and ${loadavg()[0]?.toFixed(1)} after, ${new Date().toISOString().slice(0, 10)}`;
console.log(`${setting}; speed-up over onnxruntime-node, minimum (median)\n\n${tables.join('\n\n')}\n`);
if (options.write) writeSection(setting, process.argv.slice(2), tables);
if (options.json !== undefined)
  writeFileSync(
    options.json,
    `${JSON.stringify({ onnxruntime, cpu: cpus()[0]?.model, rounds, rows }, null, 1)}\n`,
  );
