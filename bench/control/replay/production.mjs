// What the harness reads from the state of a loop.
import { production, stateName } from '../../../dist/control/phases/production.js';
import { isRamped } from '../../../dist/control/rollout/ramp.js';

/** @typedef {ReturnType<typeof productionOf>} Production */

/** What production is heading for, and how far it has come. @param {import('../../../dist/control/phases/state.js').ControllerState} state */
export function productionOf(state) {
  const { threshold, share, rest } = production(state);
  const { phase, change } = state;
  const isTracking = phase.kind === 'tracking';
  return {
    /** 0: dense. */
    threshold,
    /** Share of requests that are answered at it, and where the rest is. */
    share: threshold === 0 ? 0 : share,
    rest,
    state: stateName(state),
    reason: change.reason,
    detail: change.detail,
    /** Whether the loop has come to rest. */
    isSettled:
      phase.kind === 'featureless' ||
      (isTracking && phase.search.trial === null && isRamped(phase.applied.ramp)),
    isTrying: phase.kind === 'trial' || isTracking,
    /** Whether its last word was that something is wrong with what was trusted. */
    isAlarmed:
      phase.kind === 'drifted' ||
      phase.kind === 'fallback' ||
      (isTracking && change.reason === 'disagreement' && phase.applied.sinceAlarm === 0),
  };
}
