/**
 * What several replicas of one model share. Plain storage with a few atomic operations: what they mean is the loop's business.
 *
 * Times are the store's own, in Unix milliseconds: clocks of replicas do not matter. Every operation may fail, or take until a time
 * limit of the adapter; nothing that serves waits for one.
 */

/** Replicas that learn together: of the same model file under the same settings, which `fingerprint` tells. */
export interface Group {
  /** Name of the model. */
  readonly model: string;
  readonly fingerprint: string;
}

export interface Beat {
  readonly group: Group;
  readonly replica: string;
  /** What the others are told of this replica: JSON. */
  readonly about: string;
  /** It counts as gone when it has not been heard of for so long. */
  readonly aliveMs: number;
  /** How long it would decide for all, if nobody else does; 0: it would not. */
  readonly leaseMs: number;
  /** The latest decision that it knows. */
  readonly revision: number;
}

/** What a beat tells. */
export interface Pulse {
  readonly nowMs: number;
  /** The replica that decides; null: none. */
  readonly decider: string | null;
  /** Replicas of the group that are alive. */
  readonly replicas: number;
  /** The latest decision that any replica knows; 0: none. */
  readonly revision: number;
  /** Sequence of the operator's latest choice; 0: none. */
  readonly choice: number;
}

/** What was decided for all. */
export interface SharedDecision {
  readonly revision: number;
  /** What every replica does, in a form of its own. */
  readonly state: string;
  /** What only the next one that decides needs. */
  readonly memory: string;
}

/** An operator's choice, with its place among all of them. */
export interface SharedChoice {
  readonly sequence: number;
  readonly at: number;
  /** JSON. */
  readonly choice: string;
}

export interface SharedMember {
  readonly replica: string;
  readonly fingerprint: string;
  readonly about: string;
}

/** `evidence`: what replicas have seen. `slices`: histograms of sampled requests. */
export type LogName = 'evidence' | 'slices';

export interface LogRecord {
  /** Place in the log; grows. */
  readonly id: string;
  readonly record: Uint8Array;
}

/** What is told to all replicas at once. A message may be lost: the next pulse tells the same. */
export type SharedMessage =
  | { readonly kind: 'decision'; readonly revision: number }
  | ({ readonly kind: 'choice' } & SharedChoice)
  | { readonly kind: 'evidence' };

export interface SharedStore {
  /** Where it is, without secrets. */
  readonly place: string;
  /** Tells that a replica is alive, and lets it decide if nobody else does or it does already. */
  beat(beat: Beat): Promise<Pulse>;
  /** The replica is gone; if it decided, another may at once. */
  leave(group: Group, replica: string): Promise<void>;
  /** It decides no longer, and is still there. */
  resign(group: Group, replica: string): Promise<void>;
  /** The replicas of a model that are alive, of whatever group. */
  members(model: string, aliveMs: number): Promise<readonly SharedMember[]>;
  /** Adds to a log, which keeps the latest so many records, for so long. @param isUrgent - told to who decides at once. */
  append(group: Group, log: LogName, record: Uint8Array, options: AppendOptions): Promise<void>;
  /** Records after a place, oldest first. @param after - null: from the first that is left. */
  read(group: Group, log: LogName, after: string | null, limit: number): Promise<readonly LogRecord[]>;
  /** Writes a decision. @returns false if the replica does not decide any more, or knows less than somebody: nothing is written. */
  decide(group: Group, replica: string, decision: SharedDecision): Promise<boolean>;
  /** The latest decision; null: none. */
  decision(group: Group): Promise<SharedDecision | null>;
  /**
   * Writes an operator's choice for a model, whatever its group.
   *
   * @param at - when it was made, where that is known: an older one than what is there is not written. Null: now.
   * @returns the latest choice, which is the one that was written or a later one.
   */
  choose(model: string, choice: string, at: number | null): Promise<SharedChoice>;
  choice(model: string): Promise<SharedChoice | null>;
  /** @returns ends it. */
  subscribe(group: Group, listener: (message: SharedMessage) => void): () => void;
  close(): Promise<void>;
}

export interface AppendOptions {
  readonly most: number;
  readonly keepMs: number;
  readonly isUrgent: boolean;
}
