// What a request would cost more if runs were made in a process of their own, which a crash of native code could take alone:
// `node bench/isolation.mjs`. An echo stands for the run, so that nothing but the way there and back is timed.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { alternate } from './models/arms.mjs';

const SELF = fileURLToPath(import.meta.url);
/** Floats of a request: an image of 28 × 28, sixteen of them, one of 224 × 224 × 3. */
const SIZES = [784, 12_544, 150_528];
const ROUNDS = 15;
const MILLISECONDS = 30;

/** @typedef {(elements: Float32Array) => Promise<unknown>} Echo */

if (!isMainThread) parentPort?.on('message', (message) => parentPort?.postMessage(message, [message.buffer]));
else if (process.argv[2] === 'child') process.on('message', (message) => process.send?.(message));
else await main();

async function main() {
  const worker = new Worker(new URL(import.meta.url));
  const child = fork(SELF, ['child'], { serialization: 'advanced' });
  /** @type {Echo} */
  const inThread = (elements) =>
    new Promise((resolve) => {
      worker.once('message', resolve);
      // A copy, as of a body that the server keeps for a comparison.
      const copy = elements.slice();
      worker.postMessage(copy, [copy.buffer]);
    });
  /** @type {Echo} */
  const inProcess = (elements) =>
    new Promise((resolve) => {
      child.once('message', resolve);
      child.send(elements);
    });
  console.log('| floats | thread, µs | process, µs | more, µs |\n| --- | --- | --- | --- |');
  for (const size of SIZES) {
    const elements = new Float32Array(size).fill(1);
    const arms = [inThread, inProcess].map((echo) => async () => void (await echo(elements)));
    const times = await alternate(arms, { requests: 1, rounds: ROUNDS, milliseconds: MILLISECONDS });
    const [thread = Number.NaN, process = Number.NaN] = times.map(({ median }) => median);
    console.log(
      `| ${size} | ${thread.toFixed(0)} | ${process.toFixed(0)} | ${(process - thread).toFixed(0)} |`,
    );
  }
  await worker.terminate();
  child.disconnect();
}
