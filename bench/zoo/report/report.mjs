// Measures every row of the zoo and writes docs/paper-reproduction.{md,json} and docs/figures/*.svg.
//
//   node bench/zoo/report/report.mjs              everything
//   node bench/zoo/report/report.mjs --write      only the page and the figures, from the numbers that are there
//   node bench/zoo/report/report.mjs NAME…        measures these rows again and keeps the others
//   node bench/zoo/report/report.mjs --timings    measures the timings again and keeps all else
//   node bench/zoo/report/report.mjs --resume     goes on where a run was cut off
//   node bench/zoo/report/report.mjs … --to DIR   writes to another folder than docs
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { ENTRIES, isFirstSeed } from '../entries.mjs';
import { overviewFigure, rowFigure } from './figures.mjs';
import { measureRow, measureSeed, timeRow } from './measure.mjs';
import { page } from './page.mjs';

/**
 * @typedef {import('./row.ts').Report} Report
 * @typedef {import('./row.ts').Row} Row
 * @typedef {import('./row.ts').Seed} Seed
 */

const ROOT = new URL('../../../', import.meta.url);
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    write: { type: 'boolean', default: false },
    timings: { type: 'boolean', default: false },
    resume: { type: 'boolean', default: false },
    to: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(`usage: npm run zoo:report [-- OPTION … NAME …]
  NAME …     measure these rows again and keep the others; without names, all are measured
  --write    only write the page and the figures, from the numbers that are there
  --timings  measure the timings again and keep all else
  --resume   go on where a run was cut off
  --to DIR   write to another folder than docs/`);
  process.exit();
}
const NUMBERS = new URL('docs/paper-reproduction.json', ROOT);
const FOLDER = options.to === undefined ? new URL('docs/', ROOT) : pathToFileURL(`${options.to}/`);
const FIGURES = new URL('figures/', FOLDER);

/** Parts of a run that may be cut off. */
const DONE = options.to === undefined ? new URL('bench/zoo/.cache/report/', ROOT) : new URL('parts/', FOLDER);
const wanted = positionals;
const isResumed = options.resume;
const unknown = wanted.filter((word) => !ENTRIES.some(({ name }) => name === word));
if (unknown.length > 0) {
  console.error(
    `unknown: ${unknown.join(', ')}; expected rows: ${ENTRIES.map(({ name }) => name).join(', ')}`,
  );
  process.exit(1);
}
const isPartial = wanted.length > 0 || options.write || options.timings;
/** @type {Report} */
const before = isPartial ? JSON.parse(readFileSync(NUMBERS, 'utf8')) : { rows: [], seeds: [] };

mkdirSync(FIGURES, { recursive: true });
const report = options.write ? before : options.timings ? await retimed() : await measured();
writeFileSync(new URL('paper-reproduction.json', FOLDER), `${JSON.stringify(report)}\n`);
for (const row of report.rows) writeFileSync(new URL(`${row.name}.svg`, FIGURES), rowFigure(row));
writeFileSync(new URL('overview.svg', FIGURES), overviewFigure(report.rows, 'pooled'));
const discussion = readFileSync(new URL('discussion.md', import.meta.url), 'utf8').trim();
writeFileSync(new URL('paper-reproduction.md', FOLDER), page({ ...report, discussion }));

/** @returns {Promise<Report>} */
async function measured() {
  if (!isResumed) rmSync(DONE, { recursive: true, force: true });
  mkdirSync(DONE, { recursive: true });
  /** @type {Row[]} */
  const rows = [];
  /** @type {Seed[]} */
  const seeds = [];
  for (const entry of ENTRIES.filter(({ name }) => !isPartial || wanted.includes(name))) {
    if (isFirstSeed(entry)) rows.push(await measuredOnce(entry, (kept) => measureRow(entry, kept)));
    else seeds.push(await measuredOnce(entry, () => measureSeed(entry)));
  }
  return {
    machine: `${availableParallelism()} cores (${cpus()[0]?.model.trim()})`,
    isResumed: isPartial || isResumed,
    rows: inPlaceOf(before.rows, rows),
    seeds: inPlaceOf(before.seeds, seeds),
  };
}

/** New results in place of those of the same name, by name. @type {<T extends Seed>(before: readonly T[], now: readonly T[]) => T[]} */
function inPlaceOf(before, now) {
  const kept = before.filter(({ name }) => !now.some((row) => row.name === name));
  return [...kept, ...now].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** @returns {Promise<Report>} */
async function retimed() {
  const rows = [];
  for (const row of before.rows) {
    rows.push({ ...row, timings: await timeRow(row, row.curve.thresholds) });
  }
  return { ...before, rows, isRetimed: true };
}

/** An entry, measured or from the run that was cut off. @type {<T>(entry: import('../entries.mjs').Entry, measure: (kept: import('./row.ts').Kept) => Promise<T>) => Promise<T & import('./row.ts').Cost>} */
async function measuredOnce(entry, measure) {
  const started = performance.now();
  const cpu = process.cpuUsage();
  /** @type {import('./row.ts').Kept} */
  const kept = (part, measurePart) => onceInAFile(new URL(`${entry.name}.${part}.json`, DONE), measurePart);
  return await onceInAFile(new URL(`${entry.name}.json`, DONE), async () => {
    const row = await measure(kept);
    const { user, system } = process.cpuUsage(cpu);
    const seconds = (performance.now() - started) / 1000;
    const cpuSeconds = (user + system) / 1e6;
    process.stderr.write(`${entry.name}: ${seconds.toFixed(0)} s, ${cpuSeconds.toFixed(0)} s of CPU\n`);
    return { ...row, seconds, cpuSeconds };
  });
}

/** @type {<T>(file: URL, measure: () => Promise<T>) => Promise<T>} */
async function onceInAFile(file, measure) {
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
  const value = await measure();
  writeFileSync(file, JSON.stringify(value));
  return value;
}
