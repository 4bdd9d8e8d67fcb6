import type { Mode } from '../../config/modes.ts';
import type { CriticalPoint } from '../../criticality/critical-point.ts';
import type { DriftReading } from '../../drift/detector.ts';
import type { Unit } from '../guard/blocks.ts';
import type { Ladder } from '../search/ladder.ts';
import type { PilotLoss } from '../search/pilot.ts';
import type { ControllerState, HeldBack, Withheld } from './state.ts';

/** What a window suggests. */
export interface Suggestion {
  readonly critical: CriticalPoint | null;
  readonly ladder: Ladder;
  /** τ of the first feature where all of them are poles of activation functions: no critical point. */
  readonly pole?: number | undefined;
}

/** What the controller is told: all that its decisions depend on. Times are milliseconds since the epoch. */
export type ControlEvent =
  /** The window moved on. */
  | {
      readonly kind: 'snapshot';
      readonly at: number;
      readonly samples: number;
      readonly newSamples: number;
      /** Only while one is sought; null when the window holds too little to say anything. */
      readonly suggestion: Suggestion | null;
      /** Only where there is a reference to measure from. */
      readonly drift: DriftReading | null;
      /** The critical point has left the interval that it had when the search began. */
      readonly hasMoved: boolean;
      /** Why no candidate may be tried: how answers are judged is not decided yet, or sees nothing. Absent: one may. */
      readonly unjudged?: { readonly kind: 'pilot' } | { readonly kind: 'vacuous'; readonly detail: string };
    }
  /** A sampled request was answered both ways at `threshold`, with a mean loss of `loss` over its rows, 0–1. */
  | {
      readonly kind: 'comparison';
      readonly at: number;
      readonly threshold: number;
      readonly loss: number;
      /** Production answers such a request at this threshold, or would but for mode `observe`. */
      readonly isDue: boolean;
      /** Where requests resemble their neighbours: what this one counts with. Absent: it counts by itself. */
      readonly unit?: Unit;
    }
  /**
   * What some rungs have lost on the first kept inputs, which decides which of them are tested. `next` is the number of the
   * first input that a test may see; one request of `every` is kept from now on, since neighbours resemble each other.
   */
  | {
      readonly kind: 'pilot';
      readonly at: number;
      readonly losses: readonly PilotLoss[];
      readonly next: number;
      readonly every: number;
    }
  /**
   * Requests resemble each other over many more of them than the tests of a search took for granted. What they have seen says less
   * than it seemed to, so they begin anew: with the input of number `next`, on one request of `every`.
   */
  | { readonly kind: 'respaced'; readonly at: number; readonly next: number; readonly every: number }
  /** A kept input was answered at a rung of the ladder, with a mean loss of `loss` over its rows, 0–1. */
  | {
      readonly kind: 'tested';
      readonly at: number;
      readonly rung: number;
      /** Its number among all that were ever kept; −1: another replica has kept it, and tells of it once. */
      readonly input: number;
      readonly loss: number;
    }
  /** So many requests in a row, over so long, were answered pruned, or would have been, and none of them was compared. */
  | { readonly kind: 'uncompared'; readonly at: number; readonly requests: number; readonly ms: number }
  /** The estimator or the controller itself failed: nothing that it said before can be relied on. */
  | {
      readonly kind: 'failure';
      readonly at: number;
      readonly message: string;
      /** It is the runs of this machine that fail; absent: the loop itself did. */
      readonly isOwn?: boolean;
    }
  /** What was measured of the time that pruning saves, in `detail`; see `ControllerState.heldBack`. */
  | {
      readonly kind: 'time';
      readonly at: number;
      readonly heldBack: HeldBack | undefined;
      /** It was known before a restart, too: production goes on where it was. */
      readonly isKept?: boolean | undefined;
      /** The sites that are pruned from now on, shape [sites]; absent: as before. */
      readonly gated?: readonly boolean[] | undefined;
      readonly detail: string;
    }
  /** The state that the replica which decides has come to. What is of this machine alone stays. */
  | { readonly kind: 'adopted'; readonly at: number; readonly state: ControllerState }
  /** Why this replica is dense whatever is decided for all; undefined: it does as all do. */
  | {
      readonly kind: 'withheld';
      readonly at: number;
      readonly withheld: Withheld | undefined;
      readonly detail: string;
    }
  | {
      readonly kind: 'mode';
      readonly at: number;
      readonly mode: Mode;
      readonly threshold?: number;
      /** The threshold that an operator goes back from, to the last good one; absent: the mode is simply another. */
      readonly backFrom?: number;
    };

export type EventOf<K extends ControlEvent['kind']> = Extract<ControlEvent, { kind: K }>;
