// All seeds of all scenarios over a few threads; results come in the order of the table, whoever was first.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { present } from '../../present.mjs';

/**
 * @typedef {Awaited<ReturnType<typeof import('../replay/run.mjs').run>> & { name: string, seconds: number }} Run
 * @typedef {import('../replay/drift-alarms.mjs').DriftRunLength} DriftRunLength
 */

/**
 * @param {readonly (import('./table.mjs').Scenario & { firstSeed?: number })[]} scenarios
 * @param {(done: Run, count: number, total: number) => void} onRun
 * @returns {Promise<{ name: string, runs: Run[] }[]>}
 */
export async function runAll(scenarios, onRun) {
  const jobs = scenarios.flatMap(({ name, seeds, firstSeed = 1 }) =>
    Array.from({ length: seeds }, (_, i) => ({ name, seed: firstSeed + i, trace: i === 0 })),
  );
  /** @type {Run[]} */
  const done = await inLanes('job.mjs', jobs, onRun);
  return scenarios.map(({ name }) => ({ name, runs: done.filter((run) => run.name === name) }));
}

/**
 * Run lengths of drift on every row.
 *
 * @param {readonly string[]} rows
 * @param {readonly number[]} configured
 * @param {(done: DriftRunLength[], count: number, total: number) => void} onRow
 * @returns {Promise<DriftRunLength[]>} in the order of the rows.
 */
export async function driftRunLengths(rows, configured, onRow) {
  const jobs = rows.map((row) => ({ row, configured }));
  return (await inLanes('drift-job.mjs', jobs, onRow)).flat();
}

/** @type {<T>(file: string, jobs: readonly object[], onDone: (done: T, count: number, total: number) => void) => Promise<T[]>} */
async function inLanes(file, jobs, onDone) {
  /** @type {any[]} */
  const done = [];
  let next = 0;
  const lane = async () => {
    const worker = new Worker(new URL(file, import.meta.url));
    try {
      while (next < jobs.length) {
        const index = next++;
        done[index] = await answerOf(worker, present(jobs[index]));
        onDone(done[index], done.filter(Boolean).length, jobs.length);
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), jobs.length) }, lane));
  return done;
}

/** @type {(worker: Worker, job: object) => Promise<any>} */
function answerOf(worker, job) {
  return new Promise((resolve, reject) => {
    worker.once('message', (done) => {
      worker.off('error', reject);
      resolve(done);
    });
    worker.once('error', reject);
    worker.postMessage(job);
  });
}
