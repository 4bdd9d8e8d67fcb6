import type { Group, Pulse, SharedMember, SharedStore } from '../../store/shared/shared-store.ts';
import type { Clock } from '../clock.ts';
import { Pace } from './pace.ts';

export interface LeaseOptions {
  readonly store: SharedStore;
  readonly group: Group;
  /** The replica's name; another process has another, a restarted one too. */
  readonly id: string;
  readonly clock: Clock;
  /** How long a replica decides without a sign of life. */
  readonly leaseMs: number;
}

/** What a replica does for the others. It decides until a time on the clock that only goes forward: nobody else does before. */
export type Role =
  | { readonly kind: 'alone' }
  | { readonly kind: 'follows' }
  | { readonly kind: 'decides'; readonly untilMs: number };

/** What a sign of life has told, and until when the replica decides if it does. */
export interface Granted extends Pulse {
  readonly untilMs: number;
}

/** Signs of life: which replicas there are, which one of them decides, and what time it is by the clock of the store. */
export class Lease {
  readonly pace: Pace;
  readonly #options: LeaseOptions;
  #role: Role = { kind: 'alone' };
  #pulse: Pulse | null = null;
  #beatAt = Number.NEGATIVE_INFINITY;
  /** The store's clock less the one that only goes forward, in milliseconds; null: not known yet. */
  #aheadMs: number | null = null;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.pace = new Pace(options.id, options.leaseMs, () => this.replicas);
  }

  readonly decides = (): boolean => this.#role.kind === 'decides' && this.#nowMs < this.#role.untilMs;

  get role(): Role['kind'] {
    return this.#role.kind;
  }

  /** Replicas that share, this one included. */
  get replicas(): number {
    return Math.max(1, this.#pulse?.replicas ?? 1);
  }

  /** The replica that decides, as was last heard; null: none. */
  get decider(): string | null {
    return this.#pulse?.decider ?? null;
  }

  /** The latest decision that any replica was last heard to know. */
  get revision(): number {
    return this.#pulse?.revision ?? 0;
  }

  /** Unix milliseconds by the store's clock; by this machine's until that is known. */
  get wallMs(): number {
    return this.#aheadMs === null ? this.#options.clock.wallMs() : Math.floor(this.#nowMs + this.#aheadMs);
  }

  /** The replicas of the model, of whatever group. @throws what the store throws. */
  members(): Promise<readonly SharedMember[]> {
    const { store, group } = this.#options;
    return store.members(group.model, this.pace.aliveMs);
  }

  get isDue(): boolean {
    return this.#nowMs - this.#beatAt >= this.pace.beatMs(this.role === 'decides');
  }

  /** The next sign of life is due at once. */
  hurry(): void {
    this.#beatAt = Number.NEGATIVE_INFINITY;
  }

  /** Gives a sign of life. @param mayDecide - whether it would, if nobody else does. @throws what the store throws. */
  async beat(mayDecide: boolean, about: string, revision: number): Promise<Granted> {
    const { store, group, id, leaseMs } = this.#options;
    const sentAt = this.#nowMs;
    this.#beatAt = sentAt;
    this.#pulse = await store.beat({
      group,
      replica: id,
      about,
      aliveMs: this.pace.aliveMs,
      leaseMs: mayDecide ? leaseMs : 0,
      revision,
    });
    this.#aheadMs = this.#pulse.nowMs - (sentAt + this.#nowMs) / 2;
    const untilMs = sentAt + leaseMs;
    if (this.role === 'decides' && this.#pulse.decider === id) this.lead(untilMs);
    return { ...this.#pulse, untilMs };
  }

  lead(untilMs: number): void {
    this.#role = { kind: 'decides', untilMs };
  }

  /** @returns whether it is new that another replica decides. */
  follow(decider: string | null): boolean {
    const isNew = this.role !== 'follows' && decider !== null;
    this.#role = { kind: decider === null ? 'alone' : 'follows' };
    return isNew;
  }

  get #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }
}
