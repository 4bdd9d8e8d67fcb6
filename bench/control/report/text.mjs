// The report on a terminal.
import {
  driftTable,
  harvestTable,
  objectiveSummary,
  objectiveTable,
  scenarioTable,
  verdictTable,
} from './tables.mjs';

const HARVEST_KINDS = ['harvest', 'earliest'];

/** @type {(results: import('./verdicts.mjs').Results, verdicts: readonly import('./verdicts.mjs').Verdict[]) => void} */
export function printReport({ scenarios, objectives, runLengths, seconds }, verdicts) {
  const of = (/** @type {string} */ kind) => scenarios.filter((result) => result.kind === kind);
  print(scenarioTable(scenarios.filter(({ kind }) => !HARVEST_KINDS.includes(kind))));
  print(harvestTable(of('harvest'), of('earliest')));
  if (objectives.length > 0) {
    print(objectiveTable(objectives));
    print(objectiveSummary(objectives));
  }
  print(driftTable(runLengths));
  for (const [held = '', claim, figures] of verdictTable(verdicts).rows)
    console.log(`${held.padEnd(13)}${claim}\n             ${figures}`);
  if (seconds !== null)
    console.log(`\nrecording ${seconds.recording.toFixed(0)} s, replay ${seconds.replay.toFixed(0)} s`);
}

/** @param {import('./tables.mjs').Table} table */
function print({ head, rows }) {
  if (rows.length === 0) return;
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const isText = (/** @type {number} */ i) => rows.every((row) => !/^[\d.–-]/.test(row[i] ?? ''));
  const line = (/** @type {string[]} */ cells) =>
    cells
      .map((cell, i) => (isText(i) ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  console.log([line(head), ...rows.map(line), ''].join('\n'));
}
