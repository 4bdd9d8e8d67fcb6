/** Records that came before those that are missing, of one replica, at most: then the missing ones are given up. */
const MOST_AHEAD = 32;
/** Replicas that are remembered, at most: those that were heard last. */
const MOST_REPLICAS = 16_384;

/** Which records of a replica were taken: all up to a sequence, and some after it. Plain JSON. */
interface Taken {
  readonly upTo: number;
  readonly ahead: readonly number[];
}

/**
 * Which records were taken, so that each counts once, in whatever order and however often they come. What is sums of records is
 * then the same for every order.
 */
export class Inbox {
  readonly #taken = new Map<string, Taken>();

  /** @param taken - as `taken` told it. */
  constructor(taken: readonly (readonly [string, Taken])[] = []) {
    this.#taken = new Map(taken);
  }

  /** Plain JSON. */
  get taken(): readonly (readonly [string, Taken])[] {
    return [...this.#taken];
  }

  /** Whether a record is new; then it is taken. O(records ahead). */
  take(replica: string, sequence: number): boolean {
    const { upTo, ahead } = this.#taken.get(replica) ?? { upTo: 0, ahead: [] };
    if (sequence <= upTo || ahead.includes(sequence)) return false;
    this.#taken.delete(replica);
    this.#taken.set(
      replica,
      caughtUp(
        upTo,
        [...ahead, sequence].sort((a, b) => a - b),
      ),
    );
    if (this.#taken.size > MOST_REPLICAS) this.#taken.delete(this.#taken.keys().next().value!);
    return true;
  }
}

function caughtUp(upTo: number, ahead: readonly number[]): Taken {
  let last = ahead.length > MOST_AHEAD ? ahead[0]! : upTo;
  const left = ahead.filter((sequence) => sequence > last);
  while (left[0] === last + 1) last = left.shift()!;
  return { upTo: last, ahead: left };
}
