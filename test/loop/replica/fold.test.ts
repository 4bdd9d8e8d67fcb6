import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/schema.ts';
import type { ControlEvent } from '../../../src/control/phases/event.ts';
import { controlOptionsOf } from '../../../src/control/phases/options.ts';
import { initialState } from '../../../src/control/phases/state.ts';
import { foldOfReplica } from '../../../src/loop/replica/fold.ts';
import { stepped } from '../../../src/loop/step.ts';

const options = controlOptionsOf(parseConfig({}));
const before = initialState('fixed', 0.5, options);
const at = 1;

const EVENTS: readonly (readonly [ControlEvent, foldedBy: 'all' | 'decider' | 'nobody'])[] = [
  [{ kind: 'mode', at, mode: 'off' }, 'all'],
  [{ kind: 'withheld', at, withheld: 'failure', detail: '' }, 'all'],
  [{ kind: 'adopted', at, state: initialState('off', undefined, options) }, 'all'],
  [{ kind: 'time', at, heldBack: 'unprofitable', detail: '' }, 'all'],
  [{ kind: 'failure', at, message: 'x' }, 'decider'],
  [{ kind: 'failure', at, message: 'x', isOwn: true }, 'nobody'],
  [{ kind: 'uncompared', at, requests: 1e9, ms: 1e9 }, 'nobody'],
  [{ kind: 'comparison', at, threshold: 0.5, loss: 1, isDue: true }, 'decider'],
];

describe('foldOfReplica', () => {
  it.each(EVENTS)('%j is folded by %s', (event, foldedBy) => {
    const { after } = stepped(before, event, options);
    expect(after).not.toEqual(before);
    const [decider, follower] = [true, false].map(
      (decides) => foldOfReplica(before, event, options, decides).after,
    );
    expect(decider).toEqual(foldedBy === 'nobody' ? before : after);
    expect(follower).toEqual(foldedBy === 'all' ? after : before);
  });

  it('leaves the sites that are pruned to who decides', () => {
    const event: ControlEvent = { kind: 'time', at, heldBack: undefined, detail: '', gated: [true, false] };
    expect(foldOfReplica(before, event, options, true).after.gated).toEqual([true, false]);
    expect(foldOfReplica(before, event, options, false).after.gated).toBeUndefined();
  });
});
