// Measures every row of the zoo and writes docs/paper-reproduction.{md,json} and docs/figures/*.svg.
//
//   node bench/zoo/report/report.mjs              everything
//   node bench/zoo/report/report.mjs --write      only the page and the figures, from the numbers that are there
//   node bench/zoo/report/report.mjs NAME…        measures these rows again and keeps the others
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { overviewFigure, rowFigure } from './figures.mjs';
import { measureRow, measureSeed } from './measure.mjs';
import { page } from './page.mjs';

const ROOT = new URL('../../../', import.meta.url);
const DOCS = new URL('docs/', ROOT);
const NUMBERS = new URL('paper-reproduction.json', DOCS);
const FIGURES = new URL('figures/', DOCS);

const entries = JSON.parse(readFileSync(new URL('bench/zoo/zoo.json', ROOT), 'utf8'));
const wanted = process.argv.slice(2);
const isPartial = wanted.length > 0;
const before = isPartial ? JSON.parse(readFileSync(NUMBERS, 'utf8')) : undefined;

mkdirSync(FIGURES, { recursive: true });
const report = wanted.includes('--write') ? before : await measured();
writeFileSync(NUMBERS, `${JSON.stringify(report)}\n`);
for (const row of report.rows) writeFileSync(new URL(`${row.name}.svg`, FIGURES), rowFigure(row));
writeFileSync(new URL('overview.svg', FIGURES), overviewFigure(report.rows, 'multiple'));
const discussion = readFileSync(new URL('discussion.md', import.meta.url), 'utf8').trim();
writeFileSync(new URL('paper-reproduction.md', DOCS), page({ ...report, discussion }));

async function measured() {
  const started = performance.now();
  const isWanted = ({ name }) => !isPartial || wanted.includes(name);
  const keep = (list, done) =>
    (before?.[list] ?? []).filter(({ name }) => !done.some((row) => row.name === name));
  const rows = [];
  const seeds = [];
  for (const entry of entries.filter(isWanted)) {
    const isMain = entry.name === entry.entry;
    const from = performance.now();
    if (isMain) rows.push(await measureRow(entry));
    else seeds.push(await measureSeed(entry));
    process.stderr.write(`${entry.name}: ${((performance.now() - from) / 1000).toFixed(0)} s\n`);
  }
  const byName = (a, b) => (a.name < b.name ? -1 : 1);
  const { model } = cpus()[0];
  return {
    seconds: isPartial ? before.seconds : (performance.now() - started) / 1000,
    machine: `${availableParallelism()} cores (${model.trim()})`,
    rows: [...keep('rows', rows), ...rows].sort(byName),
    seeds: [...keep('seeds', seeds), ...seeds].sort(byName),
  };
}
