// @ts-check
// From scenarios to results: what is missing is recorded, then everything is replayed.
import { objectivesOf } from './objectives/objectives.mjs';
import { ensureRecorded, MAIN_ROWS, recording } from './recording/store.mjs';
import { driftRunLength, guardRunLength } from './replay/run-length.mjs';
import { memoryOf } from './report/memory.mjs';
import { runAll } from './scenarios/jobs.mjs';
import { recordingsOf } from './scenarios/recordings.mjs';

/**
 * @typedef {import('./scenarios/table.mjs').Scenario} Scenario
 * @typedef {import('./report/verdicts.mjs').Results} Results
 */

/** Alarms that a run length is the mean of: its standard error is a tenth of it. */
const ALARMS = 100;
const GUARD_RUN_LENGTH = 100;
const DRIFT_RUN_LENGTH = 1000;

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

/** What is measured beside the scenarios, on the rows that they are about. @param {readonly Scenario[]} scenarios */
export async function measuredBeside(scenarios) {
  const rows = MAIN_ROWS.filter((name) => scenarios.some(({ row }) => row === name));
  return {
    objectives: rows.map((name) => objectivesOf(recording(name, 'base'))),
    runLengths: await runLengths(),
    memory: await memoryOf(),
  };
}

async function runLengths() {
  const guard = { row: 'optical-digits-mlp', configured: GUARD_RUN_LENGTH, alarms: ALARMS, seed: 1 };
  const lengths = [
    await guardRunLength({ ...guard, measure: 'top1', lossNear: 0.05 }),
    await guardRunLength({ ...guard, measure: 'margin', lossNear: 0.01 }),
  ];
  for (const row of ['optical-digits-mlp', 'spam-assassin-lstm']) {
    const length = await driftRunLength({ row, configured: DRIFT_RUN_LENGTH, alarms: ALARMS, seed: 1 });
    if (length !== null) lengths.push(length);
  }
  return lengths;
}
