import type { ControlEvent } from '../../control/phases/event.ts';
import { seenOnce } from '../../control/phases/shared-state.ts';
import type { ControllerState, ControlOptions } from '../../control/phases/state.ts';
import { type Step, stepped } from '../step.ts';

/**
 * What one of several replicas makes of an event: who decides folds it like a loop by itself; the others wait for what is decided,
 * and fold what is their own. Pure.
 */
export function foldOfReplica(
  before: ControllerState,
  event: ControlEvent,
  options: ControlOptions,
  decides: boolean,
): Step {
  const unchanged = { event, before, after: before };
  switch (event.kind) {
    case 'adopted':
    case 'withheld':
    case 'mode':
      return stepped(before, event, options);
    // It says something of this machine alone, which is then dense by itself.
    case 'uncompared':
      return unchanged;
    case 'failure':
      return decides && event.isOwn !== true ? stepped(before, event, options) : unchanged;
    case 'time': {
      const { gated: _, ...own } = event;
      return stepped(before, decides ? event : { ...own, isKept: true }, options);
    }
    case 'tested': {
      if (decides) return stepped(before, event, options);
      const after = seenOnce(before, event);
      return { event: { kind: 'adopted', at: event.at, state: after }, before, after };
    }
    default:
      return decides ? stepped(before, event, options) : unchanged;
  }
}
