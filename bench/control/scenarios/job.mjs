// A worker thread: runs one scenario with one seed at a time.
import { parentPort } from 'node:worker_threads';
import { run } from '../replay/run.mjs';
import { HARVESTS, SCENARIOS } from './table.mjs';

const all = [...SCENARIOS, ...HARVESTS];

parentPort?.on('message', async ({ name, seed, trace }) => {
  const scenario = all.find((candidate) => candidate.name === name);
  if (scenario === undefined) throw new RangeError(`no scenario '${name}'`);
  const started = performance.now();
  const result = await run(scenario, seed, { trace });
  parentPort?.postMessage({ ...result, name, seconds: (performance.now() - started) / 1000 });
});
