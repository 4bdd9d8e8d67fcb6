/** Answers at one threshold that the reference is read from, and after how many more it is read anew. */
const REFERENCE = { answers: 256, refresh: 64 } as const;
/** An answer is uncertain whose margin is below that of so many of those before it. */
const USUAL_SHARE = 0.2;
/**
 * What an answer tells for "three in four are uncertain" against "three in ten are", as the ln of the ratio of their likelihoods.
 * Three in ten: more than usual, since the reference is a sample itself.
 */
const UNCERTAIN = Math.log(0.75 / 0.3);
const CERTAIN = Math.log(0.25 / 0.7);
/** Three uncertain answers in a row. */
const SUSPICIOUS = 2.7;
/** Two more: forgotten after as few. */
const MOST = 4.6;
/** Answers that a suspicion may ask for at once, and what comes back of that with every answer: to hard inputs in a row, too. */
const ALLOWANCE = { answers: 64, back: 1 / 24 } as const;
/** A suspicion ends after this many comparisons in a row without a loss, unless all answers since it began are alike. */
const FOUND_NOTHING = 26;
/** Margins are alike that differ by less than this share of a usual one: what does not depend on the input is right by chance only. */
const ALIKE = 1e-3;
/** A ramp uses two thresholds; the rest are what was in use before, and the dense model's own answers. */
const MAX_THRESHOLDS = 5;
const DENSE = 0;

/**
 * Whether the answers that production gives are less certain than they were: a suspicion, which costs nothing to have, since
 * it takes no dense run.
 *
 * It proves nothing: inputs may have become harder for the dense model as well. So it decides on nothing but comparisons: who
 * is suspicious compares every answer, and those tell. Where answers break at once, that begins after three of them, not when
 * the first of them happens to be sampled. Answers that stay less certain become what is usual.
 *
 * Nor is what is compared for its sake a sample of the traffic, where hard inputs come in rows.
 *
 * A cumulative sum (CUSUM) of likelihood ratios, per threshold; O(1) per answer but for a sort of the reference now and then.
 */
export class UncertaintyWatch {
  readonly #watched = new Map<number, Watched>();
  #latest: Watched | undefined;

  /**
   * Takes in the margin of one answer that was computed at a threshold; 0: dense, which only tells what is usual. What was usual at
   * the threshold before is taken for usual at a new one, until its own answers tell.
   */
  answered(threshold: number, margin: number): void {
    const watched = this.#watched.get(threshold) ?? this.#begin(threshold);
    this.#latest = watched;
    add(watched, Number.isNaN(margin) ? Number.NEGATIVE_INFINITY : margin, threshold !== DENSE);
  }

  /** An answer at a threshold was compared, and lost so much. */
  compared(threshold: number, loss: number): void {
    const watched = this.#watched.get(threshold);
    if (watched === undefined || threshold === DENSE) return;
    watched.foundNothing = loss === 0 && isAsking(watched) ? watched.foundNothing + 1 : 0;
    if (watched.foundNothing >= FOUND_NOTHING && !areAlike(watched)) watched.allowance = 0;
  }

  /** Whether there was any answer to watch. */
  get isWatching(): boolean {
    return this.#watched.size > 0;
  }

  isSuspicious(threshold: number): boolean {
    const watched = this.#watched.get(threshold);
    return watched !== undefined && isAsking(watched);
  }

  /** Other traffic: what was usual is not any more. */
  reset(): void {
    this.#watched.clear();
    this.#latest = undefined;
  }

  #begin(threshold: number): Watched {
    const [oldest] = this.#watched.keys();
    if (oldest !== undefined && this.#watched.size >= MAX_THRESHOLDS) this.#watched.delete(oldest);
    const { margins, seen = 0, limit = Number.NaN } = this.#latest ?? {};
    const watched = {
      margins: margins?.slice() ?? new Float64Array(REFERENCE.answers),
      ...{ seen, limit },
      score: 0,
      allowance: ALLOWANCE.answers,
      foundNothing: 0,
      ...NONE,
    };
    this.#watched.set(threshold, watched);
    return watched;
  }
}

interface Watched {
  /** The latest, in a ring. */
  readonly margins: Float64Array;
  seen: number;
  /** An answer with less is uncertain; NaN while too few were seen. */
  limit: number;
  score: number;
  /** Answers that may still be asked for. */
  allowance: number;
  /** Comparisons in a row, of those asked for, that lost nothing. */
  foundNothing: number;
  /** Margins of the uncertain answers in a row. */
  least: number;
  most: number;
}

const NONE = { least: Number.POSITIVE_INFINITY, most: Number.NEGATIVE_INFINITY } as const;

function areAlike({ least, most, limit }: Watched): boolean {
  return most - least <= ALIKE * Math.abs(limit);
}

function isAsking({ score, allowance }: Watched): boolean {
  return score >= SUSPICIOUS && allowance >= 1;
}

function add(watched: Watched, margin: number, isScored: boolean): void {
  const { margins, limit, score } = watched;
  if (isScored && !Number.isNaN(limit))
    watched.score = Math.min(MOST, Math.max(0, score + (margin < limit ? UNCERTAIN : CERTAIN)));
  if (margin < limit) {
    watched.least = Math.min(watched.least, margin);
    watched.most = Math.max(watched.most, margin);
  } else Object.assign(watched, NONE);
  const asked = isAsking(watched) ? 1 : 0;
  watched.allowance = Math.min(ALLOWANCE.answers, watched.allowance - asked + ALLOWANCE.back);
  margins[watched.seen++ % margins.length] = margin;
  if (watched.seen < margins.length || watched.seen % REFERENCE.refresh > 0) return;
  watched.limit = margins.toSorted()[Math.floor(USUAL_SHARE * margins.length)]!;
}
