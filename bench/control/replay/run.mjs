// One scenario with one seed.
import { present } from '../../present.mjs';
import { Replayer } from './replayer.mjs';

/** @typedef {import('./replayer.mjs').Scenario} Scenario */

/** Different loops that have come to rest; seeds share them. */
const STARTS = 3;
/** Requests that fill the window again after a start: twice what it needs. */
const REFILL = 10_000;

/** @type {Map<string, Promise<import('./replayer.mjs').ResumePoint>>} */
const rested = new Map();

/** @param {Scenario} scenario @param {number} seed @param {{ trace?: boolean, onRequest?: ((n: number) => void) | undefined }} [options] */
export async function run(scenario, seed, { trace = false, onRequest } = {}) {
  const first = present(scenario.phases[0]);
  const resume = first.isStart ? await restedOn(scenario, first, seed) : undefined;
  const phases = first.isStart
    ? [{ ...first, length: REFILL }, ...scenario.phases.slice(1)]
    : scenario.phases;
  const replayer = new Replayer(scenario, seed, resume);
  const records = [];
  try {
    for (const phase of phases) records.push(await replayer.phase(phase, { isTraced: trace, onRequest }));
  } finally {
    replayer.close();
  }
  const { promise, requests, sampled, timings, trace: points } = replayer;
  return { seed, promise, requests, sampled, phases: records, timings: timings.summary, trace: points };
}

/** What a loop knows after it has come to rest on the first phase: the server keeps the same over a restart. @type {(scenario: Scenario, phase: import('./replayer.mjs').Phase, seed: number) => Promise<import('./replayer.mjs').ResumePoint>} */
function restedOn({ row, config }, phase, seed) {
  const variant = seed % STARTS;
  const key = JSON.stringify({ row, config, traffic: phase.traffic, variant });
  const known = rested.get(key) ?? restedAfter({ row, config }, phase, variant);
  rested.set(key, known);
  return known;
}

/** @type {(model: Pick<Scenario, 'row' | 'config'>, phase: import('./replayer.mjs').Phase, variant: number) => Promise<import('./replayer.mjs').ResumePoint>} */
async function restedAfter(model, { arrivals: _, ...phase }, variant) {
  const replayer = new Replayer({ ...model, phases: [phase] }, 1000 + variant);
  await replayer.phase({ ...phase, failureRatio: 0 });
  const { resumePoint } = replayer.loop;
  replayer.close();
  return resumePoint;
}
