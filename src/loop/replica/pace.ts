import { hashToUnit } from '../sampler.ts';

/** Evidence is told after so long, and a slice of the window after so long; both later where many replicas tell. */
const EVIDENCE_MS = 250;
const SLICE_MS = 1000;
/** So many replicas tell at that pace: more of them tell less often, so that the store and who decides have no more to do. */
const FAST_REPLICAS = 16;
/** So many replicas answer the pilot, about: it asks a hundred inputs or two at each candidate. */
const ASKED_REPLICAS = 32;
/** The state is written after so long where only evidence was added; a decision is written at once. */
const WRITE_MS = 1000;
/** Beats of a lease: some that are lost do not end it. */
const BEATS = 10;
/** So many replicas beat so often; more of them beat less often. */
const BEATING_REPLICAS = 64;
/** A replica is gone when so many of its beats were missed. */
const MISSED_BEATS = 10;
const MOST_ALIVE_MS = 300_000;

/** How often a replica does what, by how many there are: what the store and who decides have to do is bounded. Times in milliseconds. */
export class Pace {
  readonly #id: string;
  readonly #often: number;
  readonly #replicas: () => number;

  /**
   * @param id - the replica's name.
   * @param leaseMs - how long who decides may be silent.
   * @param replicas - how many there are now.
   */
  constructor(id: string, leaseMs: number, replicas: () => number) {
    this.#id = id;
    this.#often = leaseMs / BEATS;
    this.#replicas = replicas;
  }

  /** Between two signs of life: who decides gives enough of them to keep its lease, the others as many as many of them may. */
  beatMs(isDecider: boolean): number {
    return isDecider
      ? this.#often
      : Math.min(this.#often * this.#slowness(BEATING_REPLICAS), MOST_ALIVE_MS / MISSED_BEATS);
  }

  /** After so long without a sign of life a replica is gone. */
  get aliveMs(): number {
    return Math.min(MOST_ALIVE_MS, MISSED_BEATS * this.#often * this.#slowness(BEATING_REPLICAS));
  }

  /** Between two writings of a state to which only evidence was added. */
  get writeMs(): number {
    return WRITE_MS * this.#slowness(BEATING_REPLICAS);
  }

  /** How long evidence is gathered that began at some time. */
  evidenceMs(since: number): number {
    return this.#scattered(EVIDENCE_MS, since);
  }

  /** How long a slice of the window is gathered that began at some time. */
  sliceMs(since: number): number {
    return this.#scattered(SLICE_MS, since);
  }

  /** Whether this replica answers the pilot: of many some do, since it asks of few inputs. */
  get answersPilot(): boolean {
    return hashToUnit(this.#id) * this.#replicas() < ASKED_REPLICAS;
  }

  /** Not the same at all replicas, so that these do not tell at once. */
  #scattered(ms: number, since: number): number {
    const slowness = this.#slowness(FAST_REPLICAS);
    return slowness === 1 ? ms : ms * Math.max(1, 2 * slowness * hashToUnit(`${this.#id} ${since}`));
  }

  #slowness(replicas: number): number {
    return Math.max(1, this.#replicas() / replicas);
  }
}
