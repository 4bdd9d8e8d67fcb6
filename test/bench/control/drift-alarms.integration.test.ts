import { describe, expect, it } from 'vitest';
import { type DriftReference, driftReference, readDrift } from '../../../src/drift/detector.ts';
import { xorshift } from '../../../src/drift/xorshift.ts';
import type { RequestSummary } from '../../../src/estimator/summary.ts';
import { requestsOf, TRAFFIC } from '../../drift/traffic.ts';
import { controlModule } from './module.ts';

const { scoresOf, untilAlarm } = await controlModule<{
  scoresOf: (pool: readonly RequestSummary[], reference: DriftReference) => Float64Array;
  untilAlarm: (reference: DriftReference, scores: Float64Array, draw: () => number) => number;
}>('replay/drift-alarms');
/** As the server reads, in batches of 16: the alarm is at one of the last 16 requests. */
function alarmedBatch(reference: DriftReference, pool: readonly RequestSummary[], draw: () => number) {
  let reading = readDrift(reference, [], null);
  while (!reading.isDrift) {
    const batch = Array.from({ length: 16 }, () => pool[draw()]!);
    reading = readDrift(reference, batch, reading);
  }
  return reading.requests / 16;
}

describe('the replay of summaries', () => {
  it.each(Object.entries(TRAFFIC))('alarms where the detector does: %s', (_, traffic) => {
    for (let seed = 1; seed <= 5; seed++) {
      const pool = requestsOf(traffic, 300, xorshift(seed));
      const reference = driftReference(pool.slice(0, 240), { runLength: 1000, memory: 64 });
      const drawing = (random: () => number) => () => Math.floor(random() * pool.length);
      const length = untilAlarm(reference, scoresOf(pool, reference), drawing(xorshift(100 + seed)));
      expect(Math.ceil(length / 16)).toBe(alarmedBatch(reference, pool, drawing(xorshift(100 + seed))));
    }
  });
});
