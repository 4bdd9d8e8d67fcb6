// Runs every model of zoo.json and zoo-wide.json (or the ones named as arguments) in ONNX Runtime over its committed inputs
// and compares the accuracy with the recorded one; exits 1 if one differs.
import { accuracy } from './accuracy.mjs';
import { ENTRIES, WIDE_ENTRIES } from './entries.mjs';

const wanted = process.argv.slice(2);
let failed = 0;
for (const row of [...ENTRIES, ...WIDE_ENTRIES].filter(
  (r) => wanted.length === 0 || wanted.includes(r.name),
)) {
  const measured = await accuracy(row);
  const agrees = Math.abs(measured - row.accuracyHeldOut) <= 1 / row.heldOut;
  if (!agrees) failed++;
  console.log(
    `${agrees ? 'ok  ' : 'FAIL'} ${row.name}: ONNX ${measured.toFixed(4)}, recorded ${row.accuracyHeldOut}`,
  );
}
process.exit(failed === 0 ? 0 : 1);
