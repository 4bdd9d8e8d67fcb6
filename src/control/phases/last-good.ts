import { isRamped } from '../rollout/ramp.ts';
import { appliedRung } from './production.ts';
import type { ControllerState, Phase, PhaseOf } from './state.ts';

/** Where an operator can go back to with one step, or why there is nothing. */
export type LastGood =
  | {
      readonly kind: 'known';
      /** Had all of production before, and was proven for this traffic. */
      readonly threshold: number;
      /** The higher one that is in force now, or is in doubt. */
      readonly present: number;
    }
  | { readonly kind: 'none'; readonly reason: string };

/**
 * The highest threshold below the present one that all of production was at before, proven on the traffic of now.
 *
 * It never raises a threshold, nor goes back beyond a drift: what was proven on other traffic is not proven, and whatever is in
 * doubt, such as whether anybody can compare answers, is a reason to stay dense.
 */
export function lastGoodOf(state: ControllerState): LastGood {
  const { mode, fixed, phase, disagreed = Number.POSITIVE_INFINITY } = state;
  const doubt = doubtIn(state);
  if (doubt !== null) return none(doubt);
  if (phase.kind !== 'tracking') return none(REASONS[phase.kind]);
  const present = mode === 'fixed' && fixed !== null ? fixed.threshold : appliedRung(phase).threshold;
  const threshold = wholes(phase).findLast((one) => one < present && one < disagreed);
  if (threshold === undefined)
    return none(`nothing below τ = ${present} is proven and had all of production on this traffic`);
  return { kind: 'known', threshold, present };
}

/** What all of production was at, or has just reached, and what is proven still; ascending. */
function wholes({ search, applied }: PhaseOf<'tracking'>): readonly number[] {
  const rungs = isRamped(applied.ramp) ? [...applied.good, applied.rung] : applied.good;
  return rungs.filter((rung) => rung <= search.proven).map((rung) => search.rungs[rung]!.threshold);
}

/** Why production is dense whatever was proven; null: it is not, or because of what is to be gone back from. */
function doubtIn({ mode, fixed, heldBack, withheld }: ControllerState): string | null {
  if (mode === 'off' || mode === 'observe') return `mode ${mode}: production is dense`;
  if (heldBack === 'unmeasured') return 'whether pruning saves time is not measured yet: production is dense';
  if (heldBack !== undefined) return 'pruning saves no time: production is dense';
  if (withheld !== undefined) return `this replica is dense: ${withheld}`;
  if (mode === 'fixed' && (fixed?.doubt === 'failure' || fixed?.doubt === 'unverified'))
    return 'nobody can compare answers: production is dense';
  return null;
}

const NOTHING_PROVEN = 'no threshold has had all of production on this traffic yet';
const REASONS: Readonly<Record<Exclude<Phase['kind'], 'tracking'>, string>> = {
  warming: NOTHING_PROVEN,
  featureless: NOTHING_PROVEN,
  trial: NOTHING_PROVEN,
  unverified: 'answers were not compared for too long: production is dense',
  drifted: 'the traffic has drifted: what was proven before is not proven for it',
  fallback: 'answers disagreed, or the estimator failed: production is dense',
};

function none(reason: string): LastGood {
  return { kind: 'none', reason };
}
