import type { Exposure } from '../../control/phases/production.ts';
import type { Change, StateName } from '../../control/phases/state.ts';

/** A change of a model's state, and the thresholds of production from then on. `at`: Unix milliseconds. */
export interface PastChange extends Change, Exposure {
  readonly state: StateName;
}

/** Most changes that are kept; the oldest is dropped. */
const MAX_CHANGES = 200;

/** The latest changes of one model, oldest first. */
export class ChangeHistory {
  #changes: PastChange[];

  /** @param before - changes from before the start of this server. */
  constructor(before: readonly PastChange[] = []) {
    this.#changes = before.slice(-MAX_CHANGES);
  }

  get changes(): readonly PastChange[] {
    return this.#changes;
  }

  /** Adds a change, unless it is the latest already: a server resumes in the state in which it was stopped. */
  add(change: PastChange): void {
    const last = this.#changes.at(-1);
    if (last?.at === change.at && last.reason === change.reason && last.detail === change.detail) return;
    this.#changes = [...this.#changes, change].slice(-MAX_CHANGES);
  }
}
