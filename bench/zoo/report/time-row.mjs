// The timings of one row, in a process of its own: `node time-row.mjs NAME`, the thresholds as JSON on standard input. Prints JSON.
import { text } from 'node:stream/consumers';
import { densePass } from '../../../dist/tools/analyze/dense-pass.js';
import { entryOf } from '../entries.mjs';
import { open, ROWS } from './opened.mjs';
import { timed } from './timings.mjs';

const opened = await open(entryOf(process.argv[2] ?? ''));
try {
  const passes = opened.passes(0, ROWS);
  const dense = await densePass(passes, [], () => undefined);
  const thresholds = JSON.parse(await text(process.stdin));
  process.stdout.write(JSON.stringify(await timed(passes, dense, thresholds)));
} finally {
  await opened.close();
}
