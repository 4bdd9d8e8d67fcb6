// Accuracy of a model on recorded inputs, in ONNX Runtime. As a command: node accuracy.mjs '{"model", "inputs", "labels"}'.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'npyjs';
import { present } from '../present.mjs';

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

/** Share of the inputs that the model answers with the label; paths are from the root of the project, or absolute. @param {Pick<import('./entries.mjs').Entry, 'model' | 'inputs' | 'labels'>} row */
export async function accuracy(row) {
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

const [, script, row] = process.argv;
if (script === fileURLToPath(import.meta.url) && row !== undefined)
  console.log(await accuracy(JSON.parse(row)));
