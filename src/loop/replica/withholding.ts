import type { ControlEvent } from '../../control/phases/event.ts';
import { comparedThreshold } from '../../control/phases/production.ts';
import type { ControllerState, Withheld } from '../../control/phases/state.ts';
import type { Step } from '../step.ts';
import { LocalGuard, type LocalGuardOptions } from './local-guard.ts';

export interface WithholdingOptions {
  readonly control: LocalGuardOptions;
  /** How long a replica stays pruned while nobody decides, or the store is out of reach. */
  readonly denseAfterMs: number;
  /** On a clock that only goes forward. */
  readonly nowMs: () => number;
  /** Told, in a turn of its own, why production is to be dense from now on; undefined: it is not. */
  readonly onChange: (withheld: Withheld | undefined) => void;
}

/** Whether this replica is dense whatever was decided for all: its own answers are in doubt, or nobody was heard to decide for too long. */
export class Withholding {
  readonly #options: WithholdingOptions;
  readonly #guard: LocalGuard;
  #heardAt = Number.NEGATIVE_INFINITY;
  #wanted: Withheld | undefined = 'unshared';

  constructor(options: WithholdingOptions) {
    this.#options = options;
    this.#guard = new LocalGuard(options.control);
  }

  /** What speaks against its own answers; undefined: nothing. */
  get ownDoubt(): LocalGuard['withheld'] {
    return this.#guard.withheld;
  }

  /** Somebody is known to decide. */
  heard(): void {
    this.#heardAt = this.#options.nowMs();
  }

  /** A shadow run has not failed. */
  ran(): void {
    this.#guard.ran();
    this.reconsider();
  }

  /** What an event of this replica's own says of its answers. */
  seen(before: ControllerState, event: ControlEvent): void {
    if (event.kind === 'comparison' && event.threshold === comparedThreshold(before))
      this.#guard.compared(event.loss, event.unit, event.isDue);
    else if (event.kind === 'uncompared') this.#guard.uncompared();
    else if (event.kind === 'failure') this.#guard.failed();
    else return;
    this.reconsider();
  }

  follow({ before, after }: Step): void {
    this.#guard.follow(comparedThreshold(after), before.epoch !== after.epoch);
  }

  reconsider(): void {
    const { denseAfterMs, nowMs, onChange } = this.#options;
    const isStale = nowMs() - this.#heardAt > denseAfterMs;
    const withheld = this.#guard.withheld ?? (isStale ? 'unshared' : undefined);
    if (withheld === this.#wanted) return;
    this.#wanted = withheld;
    queueMicrotask(() => onChange(this.#wanted));
  }
}

/**
 * Why a replica is dense by itself, for people.
 *
 * @param problem - what is wrong with the store; null: nothing.
 * @param hasHeard - whether it knows a decision.
 */
export function withheldWords(
  withheld: Withheld | undefined,
  { problem, hasHeard, denseAfterMs }: { problem: string | null; hasHeard: boolean; denseAfterMs: number },
): string {
  switch (withheld) {
    case undefined:
      return 'this replica does as all do';
    case 'disagreement':
      return "this replica is dense: its own answers disagree with the dense model's";
    case 'failure':
      return 'this replica is dense: its shadow runs fail';
    case 'unverified':
      return 'this replica is dense: none of its answers was compared for too long';
    case 'unshared': {
      const why = problem ?? 'no replica has decided';
      return hasHeard
        ? `this replica is dense: for ${Math.round(denseAfterMs / 1000)} s ${why}`
        : `this replica is dense until it has heard of the others: ${why}`;
    }
  }
}
