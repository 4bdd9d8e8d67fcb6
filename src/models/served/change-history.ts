import type { Exposure } from '../../control/phases/production.ts';
import type { Change, StateName } from '../../control/phases/state.ts';

/** A change of a model's state, and what clients were answered at from then on. `at` is in Unix milliseconds. */
export interface PastChange extends Change, Exposure {
  readonly state: StateName;
}

/** Changes that are kept; the oldest goes. */
const MOST_CHANGES = 200;

/** The latest changes of one model, oldest first. */
export class ChangeHistory {
  #changes: PastChange[];

  /** @param before - what happened before this server was started. */
  constructor(before: readonly PastChange[] = []) {
    this.#changes = before.slice(-MOST_CHANGES);
  }

  get changes(): readonly PastChange[] {
    return this.#changes;
  }

  /** A change that is the latest already is not told twice: a server goes on from the state that it was stopped in. */
  add(change: PastChange): void {
    const last = this.#changes.at(-1);
    if (last?.at === change.at && last.reason === change.reason && last.detail === change.detail) return;
    this.#changes = [...this.#changes, change].slice(-MOST_CHANGES);
  }
}
