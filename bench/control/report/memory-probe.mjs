// Every request sampled, and the heap after each tenth of them. Prints JSON. Its arguments are the row, and how many.
import { run } from '../replay/run.mjs';

const [, , row = '', count = '100000'] = process.argv;
const AT = Array.from({ length: 10 }, (_, i) => (Number(count) / 10) * (i + 1));
/** @type {{ sampled: number, heapBytes: number }[]} */
const seen = [];
const collect = globalThis.gc;
if (collect === undefined) throw new Error('node --expose-gc is needed');

await run(
  {
    row,
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
