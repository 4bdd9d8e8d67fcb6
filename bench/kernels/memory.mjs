// Whether memory stays flat over many runs and many sessions: `node bench/kernels/memory.mjs [--runs N] [--sessions N]`.
import { parseArgs } from 'node:util';
import { loadNative } from '../../dist/runtime/local/native/load.js';
import { inputShape, makeChain, modelOf } from './chains.mjs';

process.env.ORT_DISABLE_TELEMETRY = '1';
const ort = await import('onnxruntime-node');

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000000' },
    sessions: { type: 'string', default: '200' },
  },
});

const load = loadNative();
if (load.kind === 'unavailable') throw new Error(`${load.reason}: ${load.howTo}`);
const { addon, libraryPath } = load;
addon.init(libraryPath, 'auto');

/** @type {import('./chains.mjs').Layer} */
const layer = { kind: 'conv', channels: 32, columns: 32, size: 4, kernel: 3, batch: 1 };
const { input, layers } = await makeChain(layer, 2, 0.5, async (bytes, x, shape) => {
  const session = await ort.InferenceSession.create(bytes);
  const { y } = await session.run({ x: new ort.Tensor('float32', x, shape) });
  await session.release();
  return /** @type {Float32Array} */ (y?.data);
});
const model = modelOf(layers, 'sparse');
const inputs = [{ name: 'x', type: 1, shape: inputShape(layer), elements: input }];
const megabytes = () => Math.round(process.memoryUsage().rss / 2 ** 20);

const perSession = Math.ceil(Number(options.runs) / Number(options.sessions));
/** @type {number[]} */
const resident = [];
for (let i = 0; i < Number(options.sessions); i++) {
  const session = addon.createSession(model, { intraOpThreads: 1 });
  for (let run = 0; run < perSession; run++) addon.run(session, inputs, ['y']);
  addon.release(session);
  if ((i + 1) % Math.ceil(Number(options.sessions) / 10) === 0) resident.push(megabytes());
}
console.log(
  `${options.sessions} sessions of ${perSession} runs; resident memory after each tenth, MiB: ${resident.join(' ')}`,
);
