// How long the guard stays quiet when there is nothing to be alarmed about.
import { xorshift } from '../../../dist/drift/xorshift.js';
import { ControlLoop } from '../../../dist/loop/control-loop.js';
import { VirtualClock } from './clock.mjs';
import { inputsOf, RecordedRuntime } from './recorded-runtime.mjs';
import { configOf } from './settings.mjs';
import { Mixture } from './traffic.mjs';

/**
 * @typedef {{ alarm: 'guard', row: string, configured: number, observed: number, alarms: number }} GuardRunLength
 * Sampled requests between two false alarms.
 */

/**
 * The guard where it is easiest to fool: at a threshold that loses exactly what is allowed. Every request is sampled.
 *
 * @param {{ row: string, measure: 'top1' | 'margin', lossNear: number, configured: number, alarms: number, seed: number }} options
 * @returns {Promise<GuardRunLength>}
 */
export async function guardRunLength({ row, measure, lossNear, configured, alarms, seed }) {
  const mixture = new Mixture(row, [{}]);
  const threshold = mixture.oracle(measure, lossNear);
  const config = configOf({
    sampling: { ratio: 1, budget: 1 },
    agreement: { measure, floor: 1 - mixture.rate(measure, threshold), alarmRunLength: configured },
    control: { mode: 'fixed', threshold },
    // Nothing is estimated here.
    window: { every: 1_000_000 },
  });
  const random = xorshift(seed);
  const clock = new VirtualClock();
  const { sites, poles } = mixture.first.recorded;
  const runtime = new RecordedRuntime(random);
  const loop = new ControlLoop({ sites, poles, outputs: ['logits'], config, runtime, clock });
  let watched = 0;
  for (let seen = 0; seen < alarms; watched++) {
    clock.advance(1);
    const item = mixture.draw(random);
    const { threshold: at, look } = loop.place(`${watched}`);
    if (look === undefined) throw new Error('every request is sampled');
    await loop.sample({ ...look, inputs: inputsOf(item), outputs: runtime.answer(item, at), threshold: at });
    if (loop.applied > 0) continue;
    seen++;
    loop.setMode('fixed', threshold, clock.wallMs());
  }
  loop.close();
  return { alarm: 'guard', row, configured, observed: watched / alarms, alarms };
}
