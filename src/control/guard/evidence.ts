/**
 * Anytime-valid evidence about a mean loss: a betting martingale.
 *
 * Against the hypothesis "the mean of d is at most m" one bets that d is larger: wealth ← wealth · (1 + λ(d − m)); against
 * "at least m", smaller: wealth · (1 + λ(m − d)). Under the hypothesis the expected wealth never grows, so by Ville's
 * inequality it ever reaches 1/α with probability at most α: one may look after every observation. Several bets λ are
 * held at once, each with a part of the wealth, since the best one depends on the unknown mean.
 * Source: Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by betting".
 */
export interface Evidence {
  readonly claim: 'above' | 'below';
  /** The mean m that the evidence is about, 0 < m < 1. */
  readonly mean: number;
  /** ln wealth of every bet. */
  readonly logWealth: readonly number[];
  readonly observations: number;
}

/** A bet as a share of the largest λ that cannot go broke, and its part of the wealth at the start. */
type Bet = readonly [share: number, weight: number];

/**
 * Few bets, since one that has a part w at the start comes −ln w later to any wealth.
 *
 * To prove a mean below m: nearly everything where losses are small numbers, about .5 where they are rare and whole. To prove
 * it above: .1 where at least one answer in five breaks, .02 where losses are small and frequent; a larger bet gains two answers
 * where all break, and is what most false alarms come from.
 */
const BETS: Readonly<Record<Evidence['claim'], readonly Bet[]>> = {
  below: [
    [0.1, 0.1],
    [0.3, 0.15],
    [0.6, 0.25],
    [0.99, 0.5],
  ],
  above: [
    [0.02, 0.25],
    [0.1, 0.75],
  ],
};

/** Tells evidence that was kept under other bets, or in another form, from that of these. */
export const EVIDENCE_FORM = JSON.stringify({ bets: BETS, dependence: 'blocks' });

/** No evidence yet for the claim that the mean is above (below) `mean`. */
export function noEvidence(claim: 'above' | 'below', mean: number): Evidence {
  return { claim, mean, logWealth: BETS[claim].map(() => 0), observations: 0 };
}

/** Takes in one observation 0 ≤ d ≤ 1. */
export function observe(evidence: Evidence, d: number): Evidence {
  const { claim, mean } = evidence;
  const gain = claim === 'above' ? d - mean : mean - d;
  const largest = claim === 'above' ? 1 / mean : 1 / (1 - mean);
  return {
    ...evidence,
    logWealth: evidence.logWealth.map((w, i) => w + Math.log1p(BETS[claim][i]![0] * largest * gain)),
    observations: evidence.observations + 1,
  };
}

/**
 * As `observe`, with every bet starting again at 1 where it has less: after a long quiet time the next surprise counts
 * in full.
 *
 * The wealth of such bets together reaches L, while the hypothesis holds, after L observations on average or later: the
 * price of forgetting is an expected run length instead of a probability.
 * Source: Shin, Ramdas & Rinaldo 2024, "E-detectors", of which this is the CUSUM kind.
 */
export function observeAfresh(evidence: Evidence, d: number): Evidence {
  const next = observe(evidence, d);
  return { ...next, logWealth: next.logWealth.map((w) => Math.max(w, 0)) };
}

/** The wealth of all bets together: the claim holds with error at most α once it reaches 1/α. */
export function wealth(evidence: Evidence): number {
  const bets = BETS[evidence.claim];
  return evidence.logWealth.reduce((sum, w, i) => sum + bets[i]![1] * Math.exp(w), 0);
}

export function isProven(evidence: Evidence, alpha: number): boolean {
  return wealth(evidence) >= 1 / alpha;
}

/** The most that `observationsUntil` counts. */
const MOST_OBSERVATIONS = 1e6;

/**
 * Observations after which the claim holds with error at most α as these go on; Infinity: more than a million.
 * O(log n · bets).
 *
 * @param d - what is observed on average.
 * @param size - each observation is 0 or so much, d at least: rare and large ones are worth less than small ones of the same mean.
 */
export function observationsUntil(evidence: Evidence, d: number, alpha: number, size = d): number {
  const [none, all] = [observe(evidence, 0), observe(evidence, Math.max(d, size))];
  const share = size > d ? d / size : 1;
  const growth = evidence.logWealth.map(
    (w, i) => (1 - share) * none.logWealth[i]! + share * all.logWealth[i]! - w,
  );
  const isProvenAfter = (n: number) =>
    isProven({ ...evidence, logWealth: evidence.logWealth.map((w, i) => w + n * growth[i]!) }, alpha);
  if (isProvenAfter(0)) return 0;
  if (!isProvenAfter(MOST_OBSERVATIONS)) return Number.POSITIVE_INFINITY;
  let [low, high] = [0, MOST_OBSERVATIONS];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (isProvenAfter(middle)) high = middle;
    else low = middle;
  }
  return high;
}
