/** Mean loss of one rung on the pilot's inputs; of a hopeless one what it had lost when it was given up, over all of them. */
export type PilotLoss = readonly [rung: number, loss: number];

/** The pilot looks for the highest rung that loses at most this share of what is allowed: more takes too long to prove. */
export const AIM = 0.7;
/** Rungs that lose more than so many times what is allowed are not worth a test. */
export const HOPELESS = 2;

/**
 * What the pilot asks of a ladder: its inputs at a few rungs, by bisection, until it is known about how far up the objective
 * can be proven. Loss is taken to grow with τ, which no test relies on.
 */
export class LadderPilot {
  readonly inputs: number;
  readonly #rungs: number;
  readonly #allowedLoss: number;
  readonly #losses = new Map<number, number>();
  readonly #start: number;
  #asked: { readonly rung: number; seen: number; loss: number } | null = null;

  /**
   * @param rungs - how many there are.
   * @param start - the rung to begin with.
   * @param inputs - that each rung is asked of.
   */
  constructor(rungs: number, start: number, inputs: number, allowedLoss: number) {
    this.inputs = inputs;
    this.#rungs = rungs;
    this.#start = start;
    this.#allowedLoss = allowedLoss;
  }

  /** The rung, and which of the inputs, counted from 0, that is wanted next; null: the pilot is through. */
  get next(): { readonly rung: number; readonly input: number } | null {
    const asked = this.#asked ?? this.#ask();
    return asked && { rung: asked.rung, input: asked.seen };
  }

  /** Takes in what the wanted rung lost on the wanted input, 0–1. */
  add(loss: number): void {
    const asked = this.#asked;
    if (asked === null) return;
    asked.seen++;
    asked.loss += loss;
    const isHopeless = asked.loss > HOPELESS * this.#allowedLoss * this.inputs;
    if (asked.seen < this.inputs && !isHopeless) return;
    this.#losses.set(asked.rung, asked.loss / this.inputs);
    this.#asked = null;
  }

  /** What is known so far. */
  get losses(): readonly PilotLoss[] {
    return [...this.#losses];
  }

  #ask() {
    const rung = this.#losses.size === 0 ? this.#start : (this.#halfway(AIM) ?? this.#halfway(HOPELESS));
    this.#asked = rung === null ? null : { rung, seen: 0, loss: 0 };
    return this.#asked;
  }

  /** Halfway to where the loss passes so many times what is allowed; null: that is known. */
  #halfway(share: number): number | null {
    const limit = share * this.#allowedLoss;
    const above = Math.min(
      this.#rungs,
      ...this.losses.filter(([, loss]) => loss > limit).map(([rung]) => rung),
    );
    const below = this.losses.filter(([rung]) => rung < above).map(([rung]) => rung);
    const low = Math.max(-1, ...below);
    return above - low <= 1 ? null : (low + above) >> 1;
  }
}

/** What a rung is taken to lose at the least, as a share of what is allowed: a pilot of hundreds sees no less. */
const LEAST_SHARE = 0.05;

/**
 * What every rung is likely to lose: as measured, and between two rungs as if its logarithm grew evenly with β. O(rungs · pilot).
 *
 * @param sparsities - β of every rung, increasing.
 */
export function likelyLosses(
  sparsities: readonly number[],
  pilot: readonly PilotLoss[],
  allowedLoss: number,
): readonly number[] {
  const least = LEAST_SHARE * allowedLoss;
  let worst = least;
  const known = [...pilot]
    .sort(([a], [b]) => a - b)
    .map(([rung, loss]) => {
      worst = Math.max(worst, loss);
      return { sparsity: sparsities[rung]!, loss: worst };
    });
  return sparsities.map((sparsity) => {
    const above = known.find((point) => point.sparsity >= sparsity);
    const below = known.findLast((point) => point.sparsity <= sparsity) ?? { sparsity: 0, loss: least };
    if (above === undefined) return below.loss;
    const span = above.sparsity - below.sparsity;
    const share = span === 0 ? 0 : (sparsity - below.sparsity) / span;
    return below.loss * (above.loss / below.loss) ** share;
  });
}
