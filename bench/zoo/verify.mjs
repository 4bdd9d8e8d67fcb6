// Runs every model of zoo.json (or the ones named as arguments) in ONNX Runtime over its committed inputs and
// compares the accuracy with the recorded one; exits 1 if one differs.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.env.ORT_DISABLE_TELEMETRY = '1';
const { InferenceSession, Tensor } = await import('onnxruntime-node');

const ROOT = new URL('../../', import.meta.url);
const BATCH = 100;
const VIEWS = { '|u1': Uint8Array, '<i2': Int16Array, '<i4': Int32Array, '<i8': BigInt64Array };

/** Reads a little-endian C-order .npy of integers: `{ shape, values }`. */
function readNpy(path) {
  const bytes = readFileSync(new URL(path, ROOT));
  const headerEnd = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, headerEnd);
  const shape = /'shape': \(([^)]*)\)/
    .exec(header)[1]
    .split(',')
    .filter((d) => d.trim() !== '')
    .map(Number);
  const View = VIEWS[/'descr': '([^']*)'/.exec(header)[1]];
  return {
    shape,
    values: new View(bytes.buffer.slice(bytes.byteOffset + headerEnd, bytes.byteOffset + bytes.length)),
  };
}

/** Samples start…end of one input as a tensor of the type that the image or token inputs take. */
function slice(name, { shape, values }, start, end) {
  const each = values.length / shape[0];
  const part = values.subarray(start * each, end * each);
  const dims = [end - start, ...shape.slice(1)];
  return name === 'image'
    ? new Tensor('float32', Float32Array.from(part), dims)
    : new Tensor('int64', BigInt64Array.from(part, BigInt), dims);
}

/** Index of the largest of logits[from…from+count). */
function argmax(logits, from, count) {
  let best = 0;
  for (let i = 1; i < count; i++) if (logits[from + i] > logits[from + best]) best = i;
  return best;
}

/** Share of the committed inputs that the ONNX model answers with the label. */
async function accuracy(row) {
  const session = await InferenceSession.create(fileURLToPath(new URL(row.model, ROOT)), {
    intraOpNumThreads: 1,
  });
  const inputs = Object.entries(row.inputs).map(([name, path]) => [name, readNpy(path)]);
  const labels = readNpy(row.labels).values;
  let hits = 0;
  for (let start = 0; start < labels.length; start += BATCH) {
    const end = Math.min(start + BATCH, labels.length);
    const feeds = Object.fromEntries(inputs.map(([name, x]) => [name, slice(name, x, start, end)]));
    const { logits } = await session.run(feeds);
    const classes = logits.dims[1];
    for (let i = start; i < end; i++)
      hits += argmax(logits.data, (i - start) * classes, classes) === Number(labels[i]);
  }
  return hits / labels.length;
}

const rows = JSON.parse(readFileSync(new URL('bench/zoo/zoo.json', ROOT), 'utf8'));
const wanted = process.argv.slice(2);
let failed = 0;
for (const row of rows.filter((r) => wanted.length === 0 || wanted.includes(r.name))) {
  const measured = await accuracy(row);
  const agrees = Math.abs(measured - row.accuracyHeldOut) <= 1 / row.heldOut;
  if (!agrees) failed++;
  console.log(
    `${agrees ? 'ok  ' : 'FAIL'} ${row.name}: ONNX ${measured.toFixed(4)}, recorded ${row.accuracyHeldOut}`,
  );
}
process.exit(failed === 0 ? 0 : 1);
