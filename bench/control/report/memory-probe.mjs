// Every request sampled, and the heap after each 10,000 of 100,000 of them. Prints JSON. Its argument is the row.
import { run } from '../replay/run.mjs';

const AT = Array.from({ length: 10 }, (_, i) => 10_000 * (i + 1));
/** @type {{ sampled: number, heapBytes: number }[]} */
const seen = [];
const collect = globalThis.gc;
if (collect === undefined) throw new Error('node --expose-gc is needed');

await run(
  {
    row: process.argv[2] ?? '',
    config: { sampling: { ratio: 1, budget: 1 } },
    phases: [{ name: 'all', traffic: [{}], length: Math.max(...AT) }],
  },
  1,
  {
    onRequest: (n) => {
      if (!AT.includes(n)) return;
      collect();
      seen.push({
        sampled: n,
        heapBytes: process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers,
      });
    },
  },
);
console.log(JSON.stringify(seen));
