// Runs every model of zoo.json (or the ones named as arguments) in ONNX Runtime over its committed inputs and
// compares the accuracy with the recorded one; exits 1 if one differs.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'npyjs';
import { present } from '../present.mjs';
import { ENTRIES } from './entries.mjs';

process.env.ORT_DISABLE_TELEMETRY = '1';
const { InferenceSession, Tensor } = await import('onnxruntime-node');

const ROOT = new URL('../../', import.meta.url);
const BATCH = 100;

/** @typedef {{ shape: number[], values: Uint8Array | Int16Array | Int32Array | BigInt64Array }} Integers - row-major. */

/** @param {string} path - of a .npy file of integers. @returns {Integers} */
function readNpy(path) {
  const bytes = readFileSync(new URL(path, ROOT));
  const { shape, data } = parse(Uint8Array.from(bytes).buffer);
  return { shape, values: /** @type {Integers['values']} */ (data) };
}

/** Samples start…end of one input as a tensor of the type that the image or token inputs take. @type {(name: string, input: Integers, start: number, end: number) => InstanceType<typeof Tensor>} */
function slice(name, { shape: [rows, ...shape], values }, start, end) {
  const each = values.length / present(rows);
  const part = values.subarray(start * each, end * each);
  const dims = [end - start, ...shape];
  return name === 'image'
    ? new Tensor('float32', Float32Array.from(part, Number), dims)
    : new Tensor('int64', BigInt64Array.from(part, BigInt), dims);
}

/** @param {Float32Array} scores */
function argmax(scores) {
  return scores.indexOf(Math.max(...scores));
}

/** Share of the committed inputs that the ONNX model answers with the label. @param {import('./entries.mjs').Entry} row */
async function accuracy(row) {
  const session = await InferenceSession.create(fileURLToPath(new URL(row.model, ROOT)), {
    intraOpNumThreads: 1,
  });
  const inputs = Object.entries(row.inputs).map(([name, path]) => ({ name, input: readNpy(path) }));
  const labels = readNpy(row.labels).values;
  let hits = 0;
  for (let start = 0; start < labels.length; start += BATCH) {
    const end = Math.min(start + BATCH, labels.length);
    const feeds = inputs.map(({ name, input }) => [name, slice(name, input, start, end)]);
    const logits = present((await session.run(Object.fromEntries(feeds))).logits);
    const scores = /** @type {Float32Array} */ (logits.data);
    const classes = present(logits.dims[1]);
    for (let i = 0; i < end - start; i++)
      if (argmax(scores.subarray(i * classes, (i + 1) * classes)) === Number(labels[start + i])) hits++;
  }
  return hits / labels.length;
}

const wanted = process.argv.slice(2);
let failed = 0;
for (const row of ENTRIES.filter((r) => wanted.length === 0 || wanted.includes(r.name))) {
  const measured = await accuracy(row);
  const agrees = Math.abs(measured - row.accuracyHeldOut) <= 1 / row.heldOut;
  if (!agrees) failed++;
  console.log(
    `${agrees ? 'ok  ' : 'FAIL'} ${row.name}: ONNX ${measured.toFixed(4)}, recorded ${row.accuracyHeldOut}`,
  );
}
process.exit(failed === 0 ? 0 : 1);
