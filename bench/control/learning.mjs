// `npm run bench:learning`: how soon a server at default settings finds its threshold, and how far up that is.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { DEFAULT_SCHEME, SITE_SCHEMES } from '../../dist/config/site-schemes.js';
import { ENTRIES } from '../zoo/entries.mjs';
import { ensureRecorded, MAIN_ROWS } from './recording/store.mjs';
import { Replayer } from './replay/replayer.mjs';

const USAGE = `usage: npm run bench:learning [-- OPTION … ROW …]
  ROW …          only these rows of the zoo (all)
  --seeds N      seeds of each row (2)
  --loads LIST   shares of the worker's time that production takes (0.1,0.5,0.9)
  --sites SCHEME which tensors are pruned: auto, activations (auto)
  --requests N   requests of each run, 10 ms apart (20000)
  --json FILE    also write every result
  --from FILE    measure nothing: results that --json wrote
  --write        write docs/learning.md

Examples:
  npm run bench:learning -- optical-digits-cnn --seeds 1
  npm run bench:learning -- --write        a quarter of an hour, and an hour of recording the first time`;

/**
 * @typedef {{
 *   row: string, load: number, seed: number, drift: string | null, harvest: number, reachable: number, sparsity: number, oracle: number,
 *   applied: number | null, worstLoss: number, realised: number
 * }} Result
 * `reachable`: the same share of the largest β below the first threshold that loses too much.
 * `applied`: requests until at least nine tenths of the final β were in all of production; null: never.
 */

/** Recorded variants of a traffic that is another after a drift, of the rows that have one. */
const DRIFTS = /** @type {const} */ ([
  ['fashion-mnist-cnn', 'contrast-1.5'],
  ['fashion-mnist-mlp', 'contrast-1.5'],
  ['optical-digits-cnn', 'contrast-1.5'],
  ['spam-assassin-lstm', 'shuffled'],
  ['spam-assassin-bert', 'truncated'],
]);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '2' },
    loads: { type: 'string', default: '0.1,0.5,0.9' },
    sites: { type: 'string', default: DEFAULT_SCHEME },
    requests: { type: 'string', default: '20000' },
    json: { type: 'string' },
    from: { type: 'string' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const sites = SITE_SCHEMES.find((scheme) => scheme === values.sites);
const unknown = positionals.find((name) => !ENTRIES.some((entry) => entry.name === name));
if (values.help) console.log(USAGE);
else if (unknown !== undefined) {
  console.error(`no row '${unknown}' in bench/zoo/zoo.json`);
  process.exitCode = 1;
} else if (sites === undefined) {
  console.error(`--sites ${values.sites}: expected one of ${SITE_SCHEMES.join(', ')}`);
  process.exitCode = 1;
} else await main();

async function main() {
  /** @type {Result[]} */
  const results =
    values.from === undefined ? await measured() : JSON.parse(readFileSync(values.from, 'utf8'));
  say('');
  const report = tables(results);
  console.log(report);
  if (values.json) writeFileSync(values.json, `${JSON.stringify(results)}\n`);
  if (values.write) write(report, new Set(results.map(({ seed }) => seed)).size, Number(values.requests));
}

async function measured() {
  const rows = positionals.length > 0 ? positionals : MAIN_ROWS;
  const length = Number(values.requests);
  const seeds = Array.from({ length: Number(values.seeds) }, (_, i) => i + 1);
  /** @type {Result[]} */
  const results = [];
  for (const row of rows) {
    await ensureRecorded(row, [], say, sites);
    for (const load of values.loads.split(',').map(Number))
      for (const seed of seeds) {
        say(`${row}, load ${load}, seed ${seed}`);
        results.push(...(await learnt(row, load, seed, length, [])));
      }
  }
  for (const [row, variant] of DRIFTS.filter(([name]) => rows.includes(name))) {
    await ensureRecorded(row, [variant], say, sites);
    for (const seed of seeds) {
      say(`${row}, then ${variant}, seed ${seed}`);
      results.push(...(await learnt(row, 0.5, seed, length, [variant])).slice(1));
    }
  }
  return results;
}

/** @type {(row: string, load: number, seed: number, length: number, variants: readonly string[]) => Promise<Result[]>} */
async function learnt(row, load, seed, length, variants) {
  const phases = [null, ...variants].map((variant) => ({
    name: variant ?? 'base',
    traffic: [variant === null ? {} : { variant }],
    length,
    load,
  }));
  const replayer = new Replayer({ row, ...(sites && { sites }), phases }, seed);
  /** @type {Result[]} */
  const results = [];
  try {
    for (const [i, phase] of phases.entries()) {
      const from = replayer.trace.length;
      const { sparsity, oracle, belowFirstBad, worst } = await replayer.phase(phase, { isTraced: true });
      const trace = replayer.trace.slice(from);
      const there = trace.find(
        (point) => point.share === 1 && point.sparsity >= 0.9 * sparsity && i === isOf(point),
      );
      results.push({
        ...{ row, load, seed, drift: i === 0 ? null : phase.name, sparsity, oracle },
        harvest: oracle === 0 ? 1 : sparsity / oracle,
        reachable: belowFirstBad === 0 ? 1 : sparsity / belowFirstBad,
        applied: sparsity === 0 || there === undefined ? null : there.request - i * length,
        worstLoss: worst.loss,
        realised: worst.realised,
      });
      /** Points before the drift was noticed are still of the old threshold. @param {{ request: number }} point */
      function isOf({ request }) {
        const noticed = trace.find(({ state }) => state === 'drifted')?.request ?? 0;
        return i === 0 || request > noticed ? i : -1;
      }
    }
  } finally {
    replayer.close();
  }
  return results;
}

/** @param {readonly Result[]} results */
function tables(results) {
  const steady = results.filter(({ drift }) => drift === null);
  const loads = [...new Set(steady.map(({ load }) => load))];
  const drifted = results.filter(({ drift }) => drift !== null);
  const summary = [
    ...loads.map((load) =>
      summaryRow(
        `load ${load}`,
        steady.filter((result) => result.load === load),
      ),
    ),
    ...(drifted.length === 0 ? [] : [summaryRow('after a drift, load 0.5', drifted)]),
  ];
  const names = [...new Set(steady.map(({ row }) => row))];
  const each = names.map((name) => [
    name,
    ...loads.flatMap((load) => {
      const of = steady.filter((result) => result.row === name && result.load === load);
      return [
        span(
          of.map(({ harvest }) => harvest),
          2,
        ),
        span(
          of.map(({ reachable }) => reachable),
          2,
        ),
        span(
          of.map(({ applied }) => applied ?? Number.NaN),
          0,
        ),
      ];
    }),
  ]);
  return `${markdown(['', 'harvest, median / worst', 'below the first bad, median / worst', 'requests until applied, median / 90 %', 'worst loss of the traffic', 'of the answers'], summary)}
${markdown(['row', ...loads.flatMap((load) => [`harvest, load ${load}`, 'below the first bad', 'requests'])], each)}`;
}

/** @param {string} name @param {readonly Result[]} results */
function summaryRow(name, results) {
  const shares = (/** @type {'harvest' | 'reachable'} */ key) => {
    const sorted = results.map((result) => result[key]).sort((a, b) => a - b);
    return `${at(sorted, 0.5).toFixed(2)} / ${at(sorted, 0).toFixed(2)}`;
  };
  const applied = results.map(({ applied }) => applied ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
  const at = (/** @type {readonly number[]} */ sorted, /** @type {number} */ share) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  const worst = (/** @type {'worstLoss' | 'realised'} */ key) =>
    `${(100 * Math.max(...results.map((result) => result[key]))).toFixed(1)} %`;
  return [
    name,
    shares('harvest'),
    shares('reachable'),
    `${count(at(applied, 0.5))} / ${count(at(applied, 0.9))}`,
    worst('worstLoss'),
    worst('realised'),
  ];
}

/** @param {number} n */
function count(n) {
  return Number.isFinite(n) ? n.toLocaleString('en') : 'not reached';
}

/** @param {readonly number[]} values @param {number} digits */
function span(values, digits) {
  const text = (/** @type {number} */ x) =>
    Number.isFinite(x) ? (digits === 0 ? count(x) : x.toFixed(digits)) : '–';
  return [...new Set(values.map(text))].join(', ');
}

/** @param {readonly string[]} head @param {readonly (readonly string[])[]} rows */
function markdown(head, rows) {
  const line = (/** @type {readonly string[]} */ cells) => `| ${cells.join(' | ')} |`;
  return `${[line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')}\n`;
}

/** @type {(report: string, seeds: number, length: number) => void} */
function write(report, seeds, length) {
  const page = new URL('../../docs/learning.md', import.meta.url);
  const words = readFileSync(new URL('learning.md', import.meta.url), 'utf8').trim();
  writeFileSync(
    page,
    `# How soon a threshold is found

Written by \`npm run bench:learning -- --write\`, at default settings${sites === DEFAULT_SCHEME ? '' : ` but for \`sites.scheme: ${sites}\``}: ${seeds} seeds, ${length.toLocaleString('en')} requests of each row and load. Do not edit; the words are in \`bench/control/learning.md\`.

${words}

${report}`,
  );
}

/** One line that is written over, on a terminal; elsewhere a line each. @param {string} line */
function say(line) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
  else if (line !== '') process.stderr.write(`${line}\n`);
}
