// @ts-check
// All seeds of all scenarios over a few threads; results come in the order of the table, whoever was first.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

/** @typedef {Awaited<ReturnType<typeof import('../replay/run.mjs').run>> & { name: string, seconds: number }} Run */

/**
 * @param {readonly import('./table.mjs').Scenario[]} scenarios
 * @param {(done: Run, count: number, total: number) => void} onRun
 * @returns {Promise<{ name: string, runs: Run[] }[]>}
 */
export async function runAll(scenarios, onRun) {
  const jobs = scenarios.flatMap(({ name, seeds }) =>
    Array.from({ length: seeds }, (_, i) => ({ name, seed: i + 1, trace: i === 0 })),
  );
  /** @type {Run[]} */
  const done = [];
  let next = 0;
  const lane = async () => {
    const worker = new Worker(new URL('job.mjs', import.meta.url));
    try {
      while (next < jobs.length) {
        const index = next++;
        done[index] = await answerOf(worker, jobs[index]);
        onRun(done[index], done.filter(Boolean).length, jobs.length);
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), jobs.length) }, lane));
  return scenarios.map(({ name }) => ({ name, runs: done.filter((run) => run.name === name) }));
}

/** @type {(worker: Worker, job: object) => Promise<Run>} */
function answerOf(worker, job) {
  return new Promise((resolve, reject) => {
    worker.once('message', (run) => {
      worker.off('error', reject);
      resolve(run);
    });
    worker.once('error', reject);
    worker.postMessage(job);
  });
}
