// One line per phase of a scenario, medians over its seeds.
import { present } from '../../present.mjs';
import { median, quantile } from './statistics.mjs';

/** @param {import('./verdicts.mjs').Result} result */
export function phaseLines({ name, runs }) {
  return (runs[0]?.phases ?? []).map((first, i) => {
    const phases = runs.map((run) => present(run.phases[i]));
    const worst = (/** @type {'loss' | 'realised' | 'accuracy' | 'disagreement'} */ key) =>
      Math.max(...phases.map((phase) => phase.worst[key]));
    const middle = (/** @type {(phase: typeof first) => number | null} */ value) => median(phases.map(value));
    return {
      scenario: i === 0 ? name : '',
      phase: first.name,
      seeds: runs.length,
      sampled: middle((p) => p.sampled),
      alarmed: middle((p) => p.delays.alarmed),
      dense: middle((p) => p.delays.dense),
      tried: middle((p) => p.delays.tried),
      applied: middle((p) => p.delays.applied),
      full: middle((p) => p.delays.full),
      pairsToDense: quantile(
        phases.map((p) => p.pairsToDense),
        0.95,
      ),
      changes: Math.max(...phases.map((p) => p.changes)),
      reversals: Math.max(...phases.map((p) => p.reversals)),
      sparsity: middle((p) => p.sparsity),
      oracle: middle((p) => p.oracle),
      worstLoss: worst('loss'),
      worstRealised: worst('realised'),
      worstAccuracy: worst('accuracy'),
      end:
        phases.map((p) => p.end.state).join() === Array(phases.length).fill(first.end.state).join()
          ? first.end.state
          : [...new Set(phases.map((p) => p.end.state))].join('/'),
    };
  });
}

/** @param {number | null} value */
export const whole = (value) => (value === null ? '–' : String(Math.round(value)));
/** @param {number | null} share */
export const share = (share) => (share === null ? '–' : share.toFixed(2).replace(/^0/, ''));
/** @param {number} share */
export const inPercent = (share) => `${(100 * share).toFixed(1)}`;
