import type { Interest } from '../control/phases/interest.ts';
import { Budget } from './budget.ts';

export interface SamplerOptions {
  /** Share of requests that are sampled, 0–1. */
  readonly ratio: number;
  /** Largest share that samples may take of all worker time, and of the time of the thread that serves, 0–1. */
  readonly budget: number;
}

export type Decision = 'sample' | 'extra' | 'pass' | 'over-budget';

/** Time that samples have taken, ever growing. */
export interface Spending {
  /** Of the workers, which are so many. */
  readonly shadowMs: number;
  readonly workers: number;
  /** Of the one thread that serves: with many workers, or a fast model, it is that which is scarce. */
  readonly servingMs?: number;
}

const GOLDEN_RATIO = 0.6180339887498949;
const SILVER_RATIO = 0.41421356237309515;
/** Of the sampled requests, those that their id chose. Clients whose ids are few would else be seen always, or never. */
const STICKY_SHARE = 0.75;

/**
 * Which requests are sampled: those with the lowest positions, which are also the first that a new threshold reaches.
 *
 * The same id always has the same position, so that a retried or a replayed request hardly changes the sample. A budget on
 * worker time comes on top.
 */
export class Sampler {
  readonly #options: SamplerOptions;
  #phase = 0;
  #turn = 0;
  #lastMs: number | undefined;
  readonly #workers: Budget;
  readonly #serving: Budget;

  constructor(options: SamplerOptions) {
    this.#options = options;
    this.#workers = new Budget(options.budget);
    this.#serving = new Budget(options.budget);
  }

  /**
   * Decides for a request at a position. `extra`: it would not have been sampled but for a suspicion, so it says something of the
   * answer that is suspected and nothing of the traffic.
   */
  decide(position: number, nowMs: number, spending: Spending, interest: Interest = 'usual'): Decision {
    const { ratio } = this.#options;
    const isChosen = this.#isChosen(position);
    if (ratio === 0 || (!isChosen && interest === 'usual')) return 'pass';
    this.#settle(nowMs, spending);
    const budgets = [this.#workers, this.#serving];
    if (!budgets.every((budget) => budget.pays(interest))) return isChosen ? 'over-budget' : 'pass';
    for (const budget of budgets) budget.spend(interest);
    return interest === 'suspect' && !isChosen ? 'extra' : 'sample';
  }

  /** Whether one more run would be within the budget, with nothing of what is saved for surprises. */
  pays(nowMs: number, spending: Spending): boolean {
    if (this.#options.ratio === 0) return false;
    this.#settle(nowMs, spending);
    return [this.#workers, this.#serving].every((budget) => budget.pays('welcome'));
  }

  /** Whether a part of the budget is being saved for surprises. */
  get isSaving(): boolean {
    return this.#workers.isSaving || this.#serving.isSaving;
  }

  /** The lowest positions, and of the rest so many in turn that it is `ratio` of all. */
  #isChosen(position: number): boolean {
    const { ratio } = this.#options;
    const sticky = STICKY_SHARE * ratio;
    this.#turn = (this.#turn + SILVER_RATIO) % 1;
    return position < sticky || (ratio > 0 && this.#turn < (ratio - sticky) / (1 - sticky));
  }

  /** A request's place in [0, 1), the same for the same id; requests without one are spread evenly. O(length of the id). */
  position(id: string | undefined): number {
    if (id !== undefined && id !== '') return hashToUnit(id);
    this.#phase = (this.#phase + GOLDEN_RATIO) % 1;
    return this.#phase;
  }

  #settle(nowMs: number, { shadowMs, workers, servingMs = 0 }: Spending): void {
    const elapsedMs = this.#lastMs === undefined ? undefined : Math.max(0, nowMs - this.#lastMs);
    this.#workers.settle(elapsedMs, shadowMs, workers);
    this.#serving.settle(elapsedMs, servingMs, 1);
    this.#lastMs = nowMs;
  }
}

/** A string's place in [0, 1), evenly spread: FNV-1a with a final avalanche. */
export function hashToUnit(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}
