// Whole models, plain and with layers that skip zeros, at the threshold that the default objective allows: `npm run bench:models`.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BUNDLED_NAME, bundledModel } from '../../dist/config/bundled-model.js';
import { DEFAULT_SCHEME, SITE_SCHEMES } from '../../dist/config/site-schemes.js';
import { findKernels } from '../../dist/runtime/local/kernels.js';
import { loadNative } from '../../dist/runtime/local/native/load.js';
import { WIDE_ENTRIES } from '../zoo/entries.mjs';
import { section, summaries, table, withSection } from './page.mjs';

process.env.ORT_DISABLE_TELEMETRY = '1';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    batches: { type: 'string', default: '1,16' },
    threads: { type: 'string', default: '1' },
    sites: { type: 'string', default: DEFAULT_SCHEME },
    json: { type: 'string' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(`usage: npm run bench:models [-- OPTION …]
  --only NAME     this model; repeatable (the bundled one and all of the wide zoo)
  --quick         few held-out inputs, three short rounds: a smoke test, no figures
  --rounds N      rounds, each over all columns there and back (9)
  --batches LIST  rows of a request (1,16)
  --threads N     threads of a session, plain or sparse (1)
  --sites SCHEME  tensors that are pruned: ${SITE_SCHEMES.join(', ')} (${DEFAULT_SCHEME})
  --json FILE     writes the figures
  --write         writes the section "Models" of docs/performance.md

Examples:
  npm run bench:models -- --quick --only brown-bert-wide
  npm run bench:models -- --only fashion-mnist-mlp-wide --only fashion-mnist-resnet18-wide --json figures.json
  npm run bench:models -- --threads 2 --only fashion-mnist-vgg
  npm run bench:models -- --sites activations --only brown-bert-wide
  npm run bench:models -- --write        half an hour; keep the machine idle

Progress goes to stderr, the table to stdout.`);
  process.exit();
}

const ROOT = new URL('../../', import.meta.url);
const PAGE = new URL('docs/performance.md', ROOT);
const at = (/** @type {string} */ path) => fileURLToPath(new URL(path, ROOT));

const MODELS = [
  { name: BUNDLED_NAME, model: bundledModel('model.onnx'), inputs: [bundledModel('inputs.npy')] },
  ...WIDE_ENTRIES.map(({ name, model, inputs }) => ({
    name,
    model: at(model),
    inputs: Object.entries(inputs).map(([input, path]) => `${input}=${at(path)}`),
  })),
];
const unknown = options.only.find((name) => !MODELS.some((model) => model.name === name));
if (unknown !== undefined) {
  console.error(`unknown: ${unknown}; expected ${MODELS.map(({ name }) => name).join(', ')}`);
  process.exit(1);
}
const kernels = await findKernels('auto');
const native = loadNative();
if (typeof kernels === 'object' || native.kind === 'unavailable') {
  console.error(`there are no kernels here: ${typeof kernels === 'object' ? kernels.reason : 'not loaded'}`);
  process.exit(1);
}

const scheme = SITE_SCHEMES.find((name) => name === options.sites);
const threads = Number(options.threads);
if (scheme === undefined || !(threads >= 1)) {
  console.error(
    `--sites ${options.sites} --threads ${options.threads}: expected ${SITE_SCHEMES.join(', ')}, and 1 or more`,
  );
  process.exit(2);
}
const effort = {
  held: options.quick ? 200 : 1000,
  rounds: Number(options.rounds ?? (options.quick ? 3 : 9)),
  milliseconds: options.quick ? 10 : 30,
  sizes: options.batches.split(',').map(Number),
};
const rows = MODELS.filter(({ name }) => options.only.length === 0 || options.only.includes(name)).map(
  measured,
);
/** @type {import('./row.ts').Report} */
const report = {
  onnxruntime: native.addon.init(native.libraryPath, kernels).onnxruntime,
  kernels,
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  rounds: effort.rounds,
  threads,
  scheme,
  held: effort.held,
  rows,
};
console.log(`${table(rows)}\n\n${summaries(rows)}`);
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 1)}\n`);
if (options.write) {
  const page = existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '# Performance\n';
  writeFileSync(PAGE, withSection(page, section(report)));
}

/** @param {typeof MODELS[number]} model @returns {import('./row.ts').Row} */
function measured(model) {
  const job = JSON.stringify({ ...model, ...effort, threads, scheme });
  const { status, stdout } = spawnSync(process.execPath, [at('bench/models/measure.mjs'), job], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${model.name}: its process ended with ${status}`);
  const row = JSON.parse(stdout);
  console.error(table([row]));
  return row;
}
