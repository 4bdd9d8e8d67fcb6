// From scenarios to results: what is missing is recorded, then everything is replayed.
import { present } from '../present.mjs';
import { objectivesOf } from './objectives/objectives.mjs';
import { ensureRecorded, recording } from './recording/store.mjs';
import { guardRunLength } from './replay/run-length.mjs';
import { MEMORY_ROW, memoryOf } from './report/memory.mjs';
import { driftRunLengths, runAll } from './scenarios/jobs.mjs';
import { recordingsOf } from './scenarios/recordings.mjs';

/**
 * @typedef {import('./scenarios/table.mjs').Scenario} Scenario
 * @typedef {import('./report/verdicts.mjs').Results} Results
 */

/** Alarms that the guard's run length is the mean of: its standard error is a tenth of it. */
const ALARMS = 100;
const GUARD_ROW = 'optical-digits-mlp';
const GUARD_RUN_LENGTH = 100;
/** Run lengths that drift is configured for; the long ones take most of the time. */
const DRIFT_RUN_LENGTHS = { quick: [1000], full: [1000, 5000, 20_000] };

/** Sampled requests that memory is watched over. */
const MEMORY_SAMPLES = { quick: 20_000, full: 100_000 };

/** @type {(scenarios: readonly (Scenario & { firstSeed?: number })[], say: (line: string) => void) => Promise<{ scenarios: Results['scenarios'], seconds: { recording: number, replay: number } }>} */
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
      runs: present(runs[i]).runs,
    })),
    seconds: { recording: (recorded - started) / 1000, replay: (performance.now() - recorded) / 1000 },
  };
}

/** What is measured beside the scenarios, on the rows that they are about. */
export const BESIDE = [
  { name: 'objectives', about: 'what each objective harvests and what it truly loses' },
  { name: 'run-lengths', about: 'requests between two false alarms, of drift and of the guard' },
  { name: 'memory', about: 'the heap over 100,000 sampled requests' },
];

/** Rows that must be recorded for what is measured beside the scenarios. @type {(names: readonly string[], rows: readonly string[]) => Set<string>} */
export function rowsBeside(names, rows) {
  const needed = new Set(names.includes('objectives') || names.includes('run-lengths') ? rows : []);
  if (names.includes('run-lengths')) needed.add(GUARD_ROW);
  if (names.includes('memory')) needed.add(MEMORY_ROW);
  return needed;
}

/** @typedef {{ isQuick: boolean, say: (line: string) => void }} Options */

/** @type {(names: readonly string[], rows: readonly string[], options: Options) => Promise<Partial<Results>>} */
export async function measuredBeside(names, rows, { isQuick, say }) {
  for (const row of rowsBeside(names, rows)) await ensureRecorded(row, ['base'], say);
  return {
    ...(names.includes('objectives')
      ? { objectives: rows.map((name) => objectivesOf(recording(name, 'base'))) }
      : {}),
    ...(names.includes('run-lengths') ? { runLengths: await runLengths(rows, { isQuick, say }) } : {}),
    ...(names.includes('memory')
      ? { memory: await memoryOf(MEMORY_SAMPLES[isQuick ? 'quick' : 'full']) }
      : {}),
  };
}

/** @type {(rows: readonly string[], options: Options) => Promise<Results['runLengths']>} */
async function runLengths(rows, { isQuick, say }) {
  const guard = { row: GUARD_ROW, configured: GUARD_RUN_LENGTH, alarms: ALARMS, seed: 1 };
  const drift = await driftRunLengths(
    rows,
    DRIFT_RUN_LENGTHS[isQuick ? 'quick' : 'full'],
    ([length], count, total) => say(`${count} of ${total} models: false alarms of drift, ${length?.row}`),
  );
  say('');
  return [
    await guardRunLength({ ...guard, measure: 'top1', lossNear: 0.05 }),
    await guardRunLength({ ...guard, measure: 'margin', lossNear: 0.01 }),
    ...drift,
  ];
}
