// `npm run bench:control`: the control loop against recorded traffic of the zoo, in virtual time.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { BESIDE, measuredBeside, measuredScenarios } from './measure.mjs';
import { MAIN_ROWS } from './recording/store.mjs';
import { writePage } from './report/page.mjs';
import { printReport } from './report/text.mjs';
import { summaryOf, verdictsOf } from './report/verdicts.mjs';
import { HARVESTS, QUICK_ROWS, SCENARIOS } from './scenarios/table.mjs';

const USAGE = `usage: npm run bench:control [-- OPTION … NAME …]
  NAME …         only what has these names
  --quick        three models, fewer scenarios, one seed of each
  --seeds N      at most so many seeds of each scenario
  --fresh N      so many seeds of each that nothing was ever chosen by
  --json FILE    also write every result: scenarios [{ name, ok, … }], claims [{ text, ok, figures }], …
  --from FILE    begin with results that were written; with names, these are measured again, else nothing is
  --write        write docs/control.md and its figures
  --list         name the scenarios, and what is measured beside them`;

/**
 * @typedef {import('./report/verdicts.mjs').Results} Results
 * @typedef {import('./report/verdicts.mjs').Seconds} Seconds
 */

/** The first of the seeds of `--fresh`. */
const FRESH = 10_001;
/** Seeds of each scenario, unless `--seeds` says otherwise. */
const QUICK_SEEDS = 1;

/** @type {Results} */
const nothing = { scenarios: [], objectives: [], runLengths: [], memory: null, seconds: null };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    seeds: { type: 'string' },
    fresh: { type: 'string' },
    json: { type: 'string' },
    from: { type: 'string' },
    write: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const all = [...SCENARIOS, ...HARVESTS];
const unknown = positionals.find((name) => ![...all, ...BESIDE].some((known) => known.name === name));
if (values.help) console.log(USAGE);
else if (values.list)
  for (const { name, about } of [...all, ...BESIDE]) console.log(`${name.padEnd(34)} ${about}`);
else if (unknown !== undefined) {
  console.error(`no scenario '${unknown}'; --list names them`);
  process.exitCode = 1;
} else await main();

async function main() {
  const results = await resultsOf();
  const verdicts = verdictsOf(results);
  printReport(results, verdicts);
  if (values.json)
    writeFileSync(values.json, `${JSON.stringify({ ...results, ...summaryOf(results, verdicts) })}\n`);
  if (values.write) writePage(results, verdicts);
}

/** @returns {Promise<Results>} */
async function resultsOf() {
  /** @type {Results | undefined} */
  const before = values.from ? JSON.parse(readFileSync(values.from, 'utf8')) : undefined;
  if (before !== undefined && positionals.length === 0) return before;
  const isWanted = (/** @type {import('./scenarios/table.mjs').Scenario} */ { name, isQuick }) =>
    positionals.length > 0 ? positionals.includes(name) : !values.quick || isQuick === true;
  const seeds = Number(values.seeds ?? (values.quick ? QUICK_SEEDS : Number.POSITIVE_INFINITY));
  const scenarios = all
    .filter(isWanted)
    .map((scenario) =>
      values.fresh === undefined
        ? { ...scenario, seeds: Math.min(scenario.seeds, seeds) }
        : { ...scenario, seeds: Number(values.fresh), firstSeed: FRESH },
    );
  const options = { isQuick: values.quick, say: progress };
  const measured = await measuredScenarios(scenarios, progress);
  if (positionals.length === 0) {
    const rows = MAIN_ROWS.filter((name) => scenarios.some(({ row }) => row === name));
    const names = BESIDE.map(({ name }) => name);
    return { ...nothing, ...measured, ...(await measuredBeside(names, rows, options)) };
  }
  const beside = await measuredBeside(positionals, values.quick ? QUICK_ROWS : MAIN_ROWS, options);
  return { ...merged(before ?? nothing, measured), ...beside };
}

/** New results in place of old ones of the same name, in the order of the table. @type {(before: Results, measured: Awaited<ReturnType<typeof measuredScenarios>>) => Results} */
function merged(before, { scenarios, seconds }) {
  const names = all.map(({ name }) => name);
  const kept = before.scenarios.filter(({ name }) => !positionals.includes(name) && names.includes(name));
  const both = [...kept, ...scenarios].sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
  return { ...before, scenarios: both, seconds: sumOf(before.seconds, seconds) };
}

/** What was measured before took its time, too. @type {(before: Seconds | null, now: Seconds) => Seconds} */
function sumOf(before, now) {
  if (before === null) return now;
  return { recording: before.recording + now.recording, replay: before.replay + now.replay };
}

/** One line that is written over, on a terminal; elsewhere a line each. @param {string} line */
function progress(line) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
  else if (line !== '') process.stderr.write(`${line}\n`);
}
