// @ts-check
// How long the guard stays quiet when there is nothing to be alarmed about.
import { xorshift } from '../../../dist/drift/xorshift.js';
import { VirtualClock } from './clock.mjs';
import { ControlLoop, configOf } from './control-loop.mjs';
import { RecordedRuntime } from './recorded-runtime.mjs';
import { Mixture } from './traffic.mjs';

/**
 * @typedef {{ alarm: 'guard', row: string, configured: number, observed: number, alarms: number }} GuardRunLength
 * Sampled requests between two false alarms.
 */

const ALL_SAMPLED = { sampling: { ratio: 1, budget: 1 } };

/**
 * The guard where it is easiest to fool: at a threshold that loses exactly what is allowed.
 *
 * @param {{ row: string, measure: 'top1' | 'margin', lossNear: number, configured: number, alarms: number, seed: number }} options
 * @returns {Promise<GuardRunLength>}
 */
export async function guardRunLength({ row, measure, lossNear, configured, alarms, seed }) {
  const mixture = new Mixture(row, [{}]);
  const threshold = mixture.oracle(measure, lossNear);
  const settings = {
    ...ALL_SAMPLED,
    agreement: { measure, floor: 1 - mixture.rate(measure, threshold), alarmRunLength: configured },
    control: { mode: 'fixed', threshold },
    // Nothing is estimated here.
    window: { every: 1_000_000 },
  };
  const random = xorshift(seed);
  const clock = new VirtualClock();
  const { sites } = mixture.sources[0].recorded;
  const runtime = new RecordedRuntime(random);
  const loop = new ControlLoop({ sites, config: configOf(settings), runtime });
  let watched = 0;
  clock.install();
  try {
    for (let seen = 0; seen < alarms; watched++) {
      clock.advance(1);
      const sample = await loop.look(mixture.draw(random), loop.production.threshold);
      if (sample === 'dropped') throw new Error('a recorded run cannot be dropped');
      loop.add(sample);
      if (loop.production.threshold > 0) continue;
      seen++;
      loop.fix(threshold);
    }
  } finally {
    loop.close();
    clock.uninstall();
  }
  return { alarm: 'guard', row, configured, observed: watched / alarms, alarms };
}
