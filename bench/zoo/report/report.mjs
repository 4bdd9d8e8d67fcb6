// Measures every row of the zoo and writes docs/paper-reproduction.{md,json} and docs/figures/*.svg.
//
//   node bench/zoo/report/report.mjs              everything
//   node bench/zoo/report/report.mjs --write      only the page and the figures, from the numbers that are there
//   node bench/zoo/report/report.mjs NAME…        measures these rows again and keeps the others
//   node bench/zoo/report/report.mjs --timings    measures the timings again and keeps all else
//   node bench/zoo/report/report.mjs --resume     goes on where a run was cut off
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { overviewFigure, rowFigure } from './figures.mjs';
import { measureRow, measureSeed, timeRow } from './measure.mjs';
import { page } from './page.mjs';

const ROOT = new URL('../../../', import.meta.url);
const DOCS = new URL('docs/', ROOT);
const NUMBERS = new URL('paper-reproduction.json', DOCS);
const FIGURES = new URL('figures/', DOCS);

const entries = JSON.parse(readFileSync(new URL('bench/zoo/zoo.json', ROOT), 'utf8'));
const DONE = new URL('bench/zoo/.cache/report/', ROOT);
const wanted = process.argv.slice(2).filter((word) => word !== '--resume');
const KNOWN = new Set(['--write', '--timings']);
const isResumed = process.argv.includes('--resume');
const unknown = wanted.filter((word) => !KNOWN.has(word) && !entries.some(({ name }) => name === word));
if (unknown.length > 0) {
  console.error(
    `unknown: ${unknown.join(', ')}; expected --write, --timings, --resume or rows: ${entries.map(({ name }) => name).join(', ')}`,
  );
  process.exit(1);
}
const isPartial = wanted.length > 0;
const before = isPartial ? JSON.parse(readFileSync(NUMBERS, 'utf8')) : undefined;

mkdirSync(FIGURES, { recursive: true });
const report = wanted.includes('--write')
  ? before
  : wanted.includes('--timings')
    ? await retimed()
    : await measured();
writeFileSync(NUMBERS, `${JSON.stringify(report)}\n`);
for (const row of report.rows) writeFileSync(new URL(`${row.name}.svg`, FIGURES), rowFigure(row));
writeFileSync(new URL('overview.svg', FIGURES), overviewFigure(report.rows, 'pooled'));
const discussion = readFileSync(new URL('discussion.md', import.meta.url), 'utf8').trim();
writeFileSync(new URL('paper-reproduction.md', DOCS), page({ ...report, discussion }));

async function measured() {
  if (!isResumed) rmSync(DONE, { recursive: true, force: true });
  mkdirSync(DONE, { recursive: true });
  const measuredNow = [];
  for (const entry of entries.filter(({ name }) => !isPartial || wanted.includes(name)))
    measuredNow.push(await measuredOnce(entry));
  const isMain = ({ name, entry }) => name === entry;
  const kept = [...(before?.rows ?? []), ...(before?.seeds ?? [])].filter(
    ({ name }) => !measuredNow.some((row) => row.name === name),
  );
  const all = [...kept, ...measuredNow].sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    machine: `${availableParallelism()} cores (${cpus()[0].model.trim()})`,
    isResumed: isPartial || isResumed,
    rows: all.filter(isMain),
    seeds: all.filter((row) => !isMain(row)),
  };
}

async function retimed() {
  const rows = [];
  for (const row of before.rows) {
    const entry = entries.find(({ name }) => name === row.name);
    rows.push({ ...row, timings: await timeRow(entry, row.curve.thresholds) });
  }
  return { ...before, rows, isRetimed: true };
}

/** An entry, measured or from the run that was cut off. */
async function measuredOnce(entry) {
  const started = performance.now();
  const cpu = process.cpuUsage();
  const kept = (part, measure) => onceInAFile(new URL(`${entry.name}.${part}.json`, DONE), measure);
  return await onceInAFile(new URL(`${entry.name}.json`, DONE), async () => {
    const row = await (entry.name === entry.entry ? measureRow(entry, kept) : measureSeed(entry));
    const { user, system } = process.cpuUsage(cpu);
    const seconds = (performance.now() - started) / 1000;
    const cpuSeconds = (user + system) / 1e6;
    process.stderr.write(`${entry.name}: ${seconds.toFixed(0)} s, ${cpuSeconds.toFixed(0)} s of CPU\n`);
    return { ...row, seconds, cpuSeconds };
  });
}

async function onceInAFile(file, measure) {
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
  const value = await measure();
  writeFileSync(file, JSON.stringify(value));
  return value;
}
