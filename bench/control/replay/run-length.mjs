// @ts-check
// How long the guard goes without a false alarm where it may least: at a threshold that loses exactly what is allowed.
import { xorshift } from '../../../dist/random.js';
import { VirtualClock } from './clock.mjs';
import { ControlLoop, configOf, promiseOf } from './control-loop.mjs';
import { RecordedRuntime } from './recorded-runtime.mjs';
import { Mixture } from './traffic.mjs';

/**
 * @param {{ row: string, measure: 'top1' | 'margin', lossNear: number, configured: number, alarms: number, seed: number }} options
 * @returns {Promise<{ row: string, measure: string, allowed: number, configured: number, observed: number, alarms: number }>}
 */
export async function guardRunLength({ row, measure, lossNear, configured, alarms, seed }) {
  const mixture = new Mixture(row, [{}]);
  const threshold = mixture.oracle(measure, lossNear);
  const allowed = mixture.rate(measure, threshold);
  const config = configOf({
    agreement: { measure, floor: 1 - allowed, alarmRunLength: configured },
    control: { mode: 'fixed', threshold },
    sampling: { ratio: 1, budget: 1 },
    // Nothing is estimated here.
    window: { every: 1_000_000 },
  });
  const random = xorshift(seed);
  const runtime = new RecordedRuntime(random);
  const clock = new VirtualClock();
  clock.install();
  const loop = new ControlLoop({ sites: mixture.sources[0].recorded.sites, config, runtime });
  let pairs = 0;
  try {
    for (let count = 0; count < alarms; pairs++) {
      const sample = await loop.look(mixture.draw(random), threshold);
      if (sample === 'dropped') throw new Error('a recorded run cannot be dropped');
      loop.add(sample);
      if (loop.production.threshold !== 0) continue;
      count++;
      loop.fix(threshold);
    }
  } finally {
    loop.close();
    clock.uninstall();
  }
  return { row, measure, allowed: promiseOf(config).allowed, configured, observed: pairs / alarms, alarms };
}
