// @ts-check
// How long the alarms stay quiet when there is nothing to be alarmed about.
import { xorshift } from '../../../dist/random.js';
import { VirtualClock } from './clock.mjs';
import { ControlLoop, configOf, driftSettings } from './control-loop.mjs';
import { RecordedRuntime } from './recorded-runtime.mjs';
import { Mixture } from './traffic.mjs';

/**
 * @typedef {{ alarm: 'guard' | 'drift', row: string, configured: number, observed: number, alarms: number }} RunLength
 * Sampled requests between two false alarms.
 * @typedef {import('./control-loop.mjs').ControlLoop} Loop
 */

const ALL_SAMPLED = { sampling: { ratio: 1, budget: 1 } };

/**
 * The guard where it is easiest to fool: at a threshold that loses exactly what is allowed.
 *
 * @param {{ row: string, measure: 'top1' | 'margin', lossNear: number, configured: number, alarms: number, seed: number }} options
 * @returns {Promise<RunLength>}
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
  const { watched } = await watch(mixture, settings, seed, alarms, (loop) => {
    const isAlarm = loop.production.threshold === 0;
    if (isAlarm) loop.fix(threshold);
    return { isWatched: true, isAlarm };
  });
  return { alarm: 'guard', row, configured, observed: watched / alarms, alarms };
}

/**
 * Drift on traffic that never moves; each alarm makes a new reference.
 *
 * @param {{ row: string, configured: number, alarms: number, seed: number }} options
 * @returns {Promise<RunLength | null>} null where it cannot be configured.
 */
export async function driftRunLength({ row, configured, alarms, seed }) {
  const drift = driftSettings(configured);
  if (drift === null) return null;
  const settings = { ...ALL_SAMPLED, ...drift, control: { mode: 'observe' } };
  const { watched } = await watch(new Mixture(row, [{}]), settings, seed, alarms, (loop, before) => {
    const isWatched = before === 'trial' || before === 'tracking';
    return { isWatched, isAlarm: isWatched && loop.production.phase === 'drifted' };
  });
  return { alarm: 'drift', row, configured, observed: watched / alarms, alarms };
}

/** @type {(mixture: Mixture, settings: any, seed: number, alarms: number, look: (loop: Loop, before: string) => { isWatched: boolean, isAlarm: boolean }) => Promise<{ watched: number }>} */
async function watch(mixture, settings, seed, alarms, look) {
  const random = xorshift(seed);
  const runtime = new RecordedRuntime(random);
  const clock = new VirtualClock();
  const { sites } = mixture.sources[0].recorded;
  const loop = new ControlLoop({ sites, config: configOf(settings), runtime });
  let watched = 0;
  clock.install();
  try {
    for (let seen = 0; seen < alarms; ) {
      clock.advance(1);
      const before = loop.production;
      const sample = await loop.look(mixture.draw(random), before.threshold);
      if (sample === 'dropped') throw new Error('a recorded run cannot be dropped');
      loop.add(sample);
      const { isWatched, isAlarm } = look(loop, before.phase);
      if (isWatched) watched++;
      if (isAlarm) seen++;
    }
  } finally {
    loop.close();
    clock.uninstall();
  }
  return { watched };
}
