// `npm run bench:scale`: replicas that learn together, from one to 256, in virtual time over a store in memory.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { production } from '../../dist/control/phases/production.js';
import { ensureRecorded } from '../control/recording/store.mjs';
import { present } from '../present.mjs';
import { Fleet } from './fleet.mjs';

const USAGE = `usage: npm run bench:scale [-- OPTION …]
  --row NAME        row of the zoo (optical-digits-cnn)
  --replicas LIST   (1,4,16,64,256)
  --seeds N         seeds of each, of which the median is shown (3)
  --write           write docs/scale.md

Example:
  npm run bench:scale -- --replicas 1,4 --seeds 1`;

/** Requests a second that one replica gets. */
const PER_REPLICA = 100;
/** Longest virtual time until a threshold serves all of production, in seconds. */
const AT_MOST_S = 1200;
/** Virtual time at rest that is counted, in seconds, after so many that are not. */
const REST_S = 10;
const SETTLING_S = 5;
/** Fleets beyond this are run with one seed: they take minutes. */
const SMALL = 16;

const { values } = parseArgs({
  options: {
    row: { type: 'string', default: 'optical-digits-cnn' },
    replicas: { type: 'string', default: '1,4,16,64,256' },
    seeds: { type: 'string', default: '3' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(USAGE);
else await main();

/**
 * @typedef {{ seconds: number, requests: number, perSecond: number, learning: Load, rest: Load, sparsity: number, worstLoss: number }} Result
 * @typedef {{ operations: number, bytesIn: number, bytesOut: number, tickMs: number }} Load - all a second; `tickMs`: of one processor, over all replicas.
 */

async function main() {
  await ensureRecorded(values.row, [], say);
  const seeds = Array.from({ length: Number(values.seeds) }, (_, i) => i + 1);
  /** @type {Map<string, Result>} */
  const results = new Map();
  const counts = values.replicas.split(',').map(Number);
  for (const replicas of counts)
    for (const regime of /** @type {const} */ (['more', 'same'])) {
      if (replicas === 1 && regime === 'same') continue;
      const perSecond = regime === 'more' ? PER_REPLICA * replicas : PER_REPLICA;
      /** @type {Result[]} */
      const all = [];
      for (const seed of replicas > SMALL ? seeds.slice(0, 1) : seeds) {
        say(`${replicas} replicas, ${perSecond} requests/s, seed ${seed}`);
        all.push(await learnt(replicas, perSecond, seed));
      }
      results.set(`${regime} ${replicas}`, medianOf(all));
    }
  say('');
  const text = tables(results, counts);
  console.log(text);
  if (values.write) write(text, seeds.length);
}

/** @type {(replicas: number, perSecond: number, seed: number) => Promise<Result>} */
async function learnt(replicas, perSecond, seed) {
  const fleet = new Fleet({ row: values.row, replicas, seed });
  const isServed = () =>
    fleet.members.every(({ loop }) => {
      const { threshold, share } = production(loop.state);
      return threshold > 0 && share === 1;
    });
  try {
    await fleet.run(1000 * AT_MOST_S, perSecond, isServed);
    const seconds = fleet.clock.monotonicMs() / 1000;
    const { requests } = fleet;
    const learning = loadOf(fleet, { operations: 0, bytesIn: 0, bytesOut: 0, tickMs: 0 }, seconds);
    const { threshold } = production(present(fleet.members[0]).loop.state);
    await fleet.run(1000 * SETTLING_S, perSecond);
    const before = { ...fleet.store.counts, tickMs: fleet.tickMs };
    await fleet.run(1000 * REST_S, perSecond);
    const rest = loadOf(fleet, before, REST_S);
    const sparsity = fleet.traffic.sparsity(threshold);
    return { seconds, requests, perSecond, learning, rest, sparsity, worstLoss: fleet.worstLoss };
  } finally {
    fleet.close();
  }
}

/** @type {(fleet: Fleet, before: Load, seconds: number) => Load} */
function loadOf({ store, tickMs }, before, seconds) {
  const now = { ...store.counts, tickMs };
  return {
    operations: (now.operations - before.operations) / seconds,
    bytesIn: (now.bytesIn - before.bytesIn) / seconds,
    bytesOut: (now.bytesOut - before.bytesOut) / seconds,
    tickMs: (now.tickMs - before.tickMs) / seconds,
  };
}

/** The one whose time is the median. @param {readonly Result[]} all */
function medianOf(all) {
  const worstLoss = Math.max(...all.map((result) => result.worstLoss));
  return { ...present(all.toSorted((a, b) => a.seconds - b.seconds)[all.length >> 1]), worstLoss };
}

/** @type {(results: ReadonlyMap<string, Result>, counts: readonly number[]) => string} */
function tables(results, counts) {
  const one = results.get('more 1');
  const against = (/** @type {number} */ value, /** @type {number | undefined} */ base) =>
    base === undefined ? '–' : `${(value / base).toFixed(2)} ×`;
  const rows = (/** @type {'more' | 'same'} */ regime) =>
    counts.flatMap((replicas) => {
      const result = results.get(`${replicas === 1 ? 'more' : regime} ${replicas}`);
      if (result === undefined) return [];
      const { seconds, requests, learning, rest, sparsity, worstLoss } = result;
      return [
        [
          replicas,
          Math.round(requests).toLocaleString('en'),
          against(requests, one?.requests),
          seconds.toFixed(1),
          against(seconds, one?.seconds),
          `${(100 * sparsity).toFixed(1)} %`,
          worstLoss.toFixed(4),
          `${learning.operations.toFixed(0)} / ${rest.operations.toFixed(0)}`,
          `${kilo(learning.bytesIn)} / ${kilo(rest.bytesIn)}`,
          `${kilo(learning.bytesOut)} / ${kilo(rest.bytesOut)}`,
          `${(learning.tickMs / replicas).toFixed(2)} / ${(rest.tickMs / replicas).toFixed(2)}`,
        ].join(' | '),
      ];
    });
  const head = `| replicas | requests until all of production | against one | seconds | against one | β | largest loss | operations/s | kB/s to the store | kB/s from it | ms/s of each replica |
|---|---|---|---|---|---|---|---|---|---|---|`;
  const table = (/** @type {'more' | 'same'} */ regime) =>
    [head, ...rows(regime).map((row) => `| ${row} |`)].join('\n');
  return `Each replica gets ${PER_REPLICA} requests a second, as one does:\n\n${table('more')}\n\nAll of them together get ${PER_REPLICA} requests a second:\n\n${table('same')}\n`;
}

/** @param {number} bytes */
function kilo(bytes) {
  return (bytes / 1000).toFixed(bytes < 10_000 ? 1 : 0);
}

/** @type {(text: string, seeds: number) => void} */
function write(text, seeds) {
  const law = readFileSync(new URL('law.md', import.meta.url), 'utf8');
  const page = `# How replicas scale

From one to 256 replicas that share a store, each the server's own loop at default settings, with recorded requests of \`${values.row}\` in virtual time; production takes half of each worker's time.
Median of ${seeds} seeds, one beyond ${SMALL} replicas. The store is in memory and answers at once; [replicas](replicas.md) says what is told through it.

\`\`\`
npm run bench:scale -- --seeds ${seeds} --write
\`\`\`

${text}
"Until all of production": a threshold serves all requests of all replicas. The largest loss is the true mean loss of the worst threshold that any request was answered at, over all seeds; .01 is allowed. Two figures are while that is sought, and at rest afterwards. The last column is the processor time that sharing takes of a replica's serving thread, averaged over all of them, who decides included.

${law}`;
  writeFileSync(new URL('../../docs/scale.md', import.meta.url), page);
}

/** @param {string} text */
function say(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}
