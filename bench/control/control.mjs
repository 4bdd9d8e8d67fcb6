// @ts-check
// `npm run bench:control`: the control loop against recorded traffic of the zoo, in virtual time.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { objectivesOf } from './objectives/objectives.mjs';
import { ensureRecorded, MAIN_ROWS, recording } from './recording/store.mjs';
import { guardRunLength } from './replay/run-length.mjs';
import { memoryOf } from './report/memory.mjs';
import { writePage } from './report/page.mjs';
import { printReport } from './report/text.mjs';
import { verdictsOf } from './report/verdicts.mjs';
import { runAll } from './scenarios/jobs.mjs';
import { recordingsOf } from './scenarios/recordings.mjs';
import { HARVESTS, SCENARIOS } from './scenarios/table.mjs';

const USAGE = `usage: npm run bench:control [-- OPTION … NAME …]
  NAME …         only the scenarios with these names
  --quick        three models, fewer scenarios
  --seeds N      at most so many seeds of each scenario
  --json FILE    also write every result
  --from FILE    run nothing: report on results that were written
  --write        write docs/control.md and its figures
  --list         name the scenarios`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    from: { type: 'string' },
    write: { type: 'boolean', default: false },
    seeds: { type: 'string', default: '1000' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const all = [...SCENARIOS, ...HARVESTS];
const unknown = positionals.find((name) => !all.some((scenario) => scenario.name === name));
if (values.help) console.log(USAGE);
else if (values.list) for (const { name, about } of all) console.log(`${name.padEnd(34)} ${about}`);
else if (unknown !== undefined) {
  console.error(`no scenario '${unknown}'; --list names them`);
  process.exitCode = 1;
} else await main();

async function main() {
  const results = values.from ? JSON.parse(readFileSync(values.from, 'utf8')) : await measured();
  const verdicts = verdictsOf(results);
  printReport(results, verdicts);
  if (values.json) writeFileSync(values.json, `${JSON.stringify({ ...results, verdicts })}\n`);
  if (values.write) writePage(results, verdicts);
}

async function measured() {
  const started = performance.now();
  const scenarios = all
    .filter(
      ({ name, isQuick }) =>
        (positionals.length === 0 || positionals.includes(name)) && (!values.quick || isQuick === true),
    )
    .map((scenario) => ({ ...scenario, seeds: Math.min(scenario.seeds, Number(values.seeds)) }));
  for (const [name, variants] of recordingsOf(scenarios)) {
    await ensureRecorded(name, [...variants], progress);
  }
  const recorded = performance.now();
  const runs = await runAll(scenarios, ({ name, seed }, count, total) =>
    progress(`${count} of ${total} runs; ${name}, seed ${seed}`),
  );
  progress('');
  const rows = MAIN_ROWS.filter((name) => scenarios.some(({ row }) => row === name));
  return {
    scenarios: scenarios.map(({ name, about, kind, row }, i) => ({
      name,
      about,
      kind,
      row,
      runs: runs[i].runs,
    })),
    objectives: positionals.length > 0 ? [] : rows.map((name) => objectivesOf(recording(name, 'base'))),
    runLengths: positionals.length > 0 ? [] : await runLengths(),
    memory: positionals.length > 0 ? null : await memoryOf(),
    seconds: { recording: (recorded - started) / 1000, replay: (performance.now() - recorded) / 1000 },
  };
}

/** Alarms that a run length is the mean of: its standard error is a tenth of it. */
const ALARMS = 100;

async function runLengths() {
  const shared = { row: 'optical-digits-mlp', configured: 200, alarms: ALARMS, seed: 1 };
  return [
    await guardRunLength({ ...shared, measure: 'top1', lossNear: 0.05 }),
    await guardRunLength({ ...shared, measure: 'margin', lossNear: 0.01 }),
  ];
}

/** One line that is written over, on a terminal. @param {string} line */
function progress(line) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
}
