export interface SamplerOptions {
  /** Share of requests that are sampled, 0–1. */
  readonly ratio: number;
  /** Largest share that samples may take of all worker time, and of the time of the thread that serves, 0–1. */
  readonly budget: number;
}

/**
 * How much a request is wanted: `usual`, by the ratio; `welcome`, as far as the budget comes in; `urgent`, as far as it has
 * been saved, too.
 */
export type Interest = 'usual' | 'welcome' | 'urgent';

export type Decision = 'sample' | 'pass' | 'over-budget';

/** Worker time that samples have taken, ever growing. */
export interface WorkerTime {
  readonly shadowMs: number;
  readonly workers: number;
}

/**
 * What samples have taken of the workers, or of the one thread that serves if that is a larger share of it: many workers, or a
 * fast model, would else keep that thread busy with samples.
 *
 * Who keeps the larger of two growing sums within a budget keeps both.
 */
export function scarcest({ shadowMs, workers }: WorkerTime, servingMs: number): WorkerTime {
  return { shadowMs: Math.max(shadowMs, workers * servingMs), workers };
}

/** Unspent budget carried over, so that a burst may be sampled after a quiet time. */
const CARRY_OVER_MS = 1000;
/** Unspent budget that is saved for what is urgent. */
const RESERVE_MS = 30_000;
/**
 * Part of the budget that goes into a reserve which is not full. The rest keeps sampling: who looks at nothing until all is
 * saved again is blind just after a surprise.
 */
const SAVED_SHARE = 0.5;
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
  #spentMs = 0;
  #balanceMs = 0;
  /** The part of the balance that is saved for what is urgent. */
  #savedMs = Number.POSITIVE_INFINITY;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  /** Decides for a request at a position. */
  decide(position: number, nowMs: number, time: WorkerTime, interest: Interest = 'usual'): Decision {
    this.#settle(nowMs, time);
    const { ratio, budget } = this.#options;
    const isUrgent = interest === 'urgent';
    const isChosen = this.#isChosen(position);
    if (ratio === 0 || (!isChosen && interest === 'usual')) return 'pass';
    const isPaid = this.#balanceMs > (isUrgent ? 0 : this.#savedMs) || budget >= 1;
    if (isPaid && isUrgent) this.#savedMs = Math.min(this.#savedMs, Math.max(0, this.#balanceMs));
    if (isPaid) return 'sample';
    return isChosen ? 'over-budget' : 'pass';
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

  #settle(nowMs: number, { shadowMs, workers }: WorkerTime): void {
    const elapsedMs = Math.max(0, nowMs - (this.#lastMs ?? nowMs - CARRY_OVER_MS - RESERVE_MS));
    const rate = this.#options.budget * workers;
    this.#balanceMs = Math.min(
      this.#balanceMs + rate * elapsedMs - (shadowMs - this.#spentMs),
      rate * (CARRY_OVER_MS + RESERVE_MS),
    );
    this.#savedMs = Math.min(this.#savedMs + SAVED_SHARE * rate * elapsedMs, rate * RESERVE_MS);
    this.#lastMs = nowMs;
    this.#spentMs = shadowMs;
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
