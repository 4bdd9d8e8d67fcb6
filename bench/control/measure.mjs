// @ts-check
// From scenarios to results: what is missing is recorded, then everything is replayed.
import { objectivesOf } from './objectives/objectives.mjs';
import { ensureRecorded, recording } from './recording/store.mjs';
import { guardRunLength } from './replay/run-length.mjs';
import { memoryOf } from './report/memory.mjs';
import { driftRunLengths, runAll } from './scenarios/jobs.mjs';
import { recordingsOf } from './scenarios/recordings.mjs';

/**
 * @typedef {import('./scenarios/table.mjs').Scenario} Scenario
 * @typedef {import('./report/verdicts.mjs').Results} Results
 */

/** Alarms that the guard's run length is the mean of: its standard error is a tenth of it. */
const ALARMS = 100;
const GUARD_RUN_LENGTH = 100;
const DRIFT_RUN_LENGTHS = [1000, 5000, 20_000];

/** @type {(scenarios: readonly Scenario[], say: (line: string) => void) => Promise<{ scenarios: Results['scenarios'], seconds: { recording: number, replay: number } }>} */
export async function measuredScenarios(scenarios, say) {
  const started = performance.now();
  for (const [name, variants] of recordingsOf(scenarios)) await ensureRecorded(name, [...variants], say);
  const recorded = performance.now();
  const runs = await runAll(scenarios, ({ name, seed }, count, total) =>
    say(`${count} of ${total} runs: ${name}, seed ${seed}`),
  );
  say('');
  return {
    scenarios: scenarios.map(({ name, about, kind, row }, i) => ({
      name,
      about,
      kind,
      row,
      runs: runs[i].runs,
    })),
    seconds: { recording: (recorded - started) / 1000, replay: (performance.now() - recorded) / 1000 },
  };
}

/** What is measured beside the scenarios, on the rows that they are about. */
export const BESIDE = [
  { name: 'objectives', about: 'what each objective harvests and what it truly loses' },
  { name: 'run-lengths', about: 'requests between two false alarms, of drift and of the guard' },
  { name: 'memory', about: 'the heap over a million sampled requests' },
];

/** @type {(names: readonly string[], rows: readonly string[], say: (line: string) => void) => Promise<Partial<Results>>} */
export async function measuredBeside(names, rows, say) {
  const isOfRows = names.includes('objectives') || names.includes('run-lengths');
  for (const row of isOfRows ? rows : []) await ensureRecorded(row, ['base'], say);
  return {
    ...(names.includes('objectives')
      ? { objectives: rows.map((name) => objectivesOf(recording(name, 'base'))) }
      : {}),
    ...(names.includes('run-lengths') ? { runLengths: await runLengths(rows, say) } : {}),
    ...(names.includes('memory') ? { memory: await memoryOf() } : {}),
  };
}

/** @type {(rows: readonly string[], say: (line: string) => void) => Promise<Results['runLengths']>} */
async function runLengths(rows, say) {
  const guard = { row: 'optical-digits-mlp', configured: GUARD_RUN_LENGTH, alarms: ALARMS, seed: 1 };
  const drift = await driftRunLengths(rows, DRIFT_RUN_LENGTHS, ([{ row }], count, total) =>
    say(`${count} of ${total} models: false alarms of drift, ${row}`),
  );
  say('');
  return [
    await guardRunLength({ ...guard, measure: 'top1', lossNear: 0.05 }),
    await guardRunLength({ ...guard, measure: 'margin', lossNear: 0.01 }),
    ...drift,
  ];
}
