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
/** A suspicion ends after this many comparisons in a row without a loss. */
const FOUND_NOTHING = 26;
/** A ramp uses two thresholds; the rest are what was in use before. */
const MAX_THRESHOLDS = 4;

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

  /** Takes in the margin of one answer that was computed at a threshold. */
  answered(threshold: number, margin: number): void {
    let watched = this.#watched.get(threshold);
    if (watched === undefined) {
      const [oldest] = this.#watched.keys();
      if (oldest !== undefined && this.#watched.size >= MAX_THRESHOLDS) this.#watched.delete(oldest);
      watched = {
        margins: new Float64Array(REFERENCE.answers),
        seen: 0,
        limit: Number.NaN,
        score: 0,
        allowance: ALLOWANCE.answers,
        foundNothing: 0,
      };
      this.#watched.set(threshold, watched);
    }
    add(watched, Number.isNaN(margin) ? Number.NEGATIVE_INFINITY : margin);
  }

  /** An answer at a threshold was compared, and lost so much. */
  compared(threshold: number, loss: number): void {
    const watched = this.#watched.get(threshold);
    if (watched === undefined) return;
    watched.foundNothing = loss === 0 && isAsking(watched) ? watched.foundNothing + 1 : 0;
    if (watched.foundNothing >= FOUND_NOTHING) watched.allowance = 0;
  }

  /** Whether there was any pruned answer to watch. */
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
}

function isAsking({ score, allowance }: Watched): boolean {
  return score >= SUSPICIOUS && allowance >= 1;
}

function add(watched: Watched, margin: number): void {
  const { margins, limit, score } = watched;
  const isKnown = !Number.isNaN(limit);
  if (isKnown) watched.score = Math.min(MOST, Math.max(0, score + (margin < limit ? UNCERTAIN : CERTAIN)));
  const asked = isAsking(watched) ? 1 : 0;
  watched.allowance = Math.min(ALLOWANCE.answers, watched.allowance - asked + ALLOWANCE.back);
  margins[watched.seen++ % margins.length] = margin;
  if (watched.seen < margins.length || watched.seen % REFERENCE.refresh > 0) return;
  watched.limit = margins.toSorted()[Math.floor(USUAL_SHARE * margins.length)]!;
}
