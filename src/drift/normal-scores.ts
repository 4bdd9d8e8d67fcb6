/**
 * Scores of the places that a new value can take among `size` sorted ones: 0 (below all) … size (above all).
 *
 * Places of exchangeable values are equally likely whatever their distribution; the scores are normal quantiles of
 * the places, scaled to variance 1. The quantile is Tukey's lambda, 4.91 (u^0.14 − (1 − u)^0.14), within 0.03 here.
 *
 * Source: van der Waerden 1952 (scores); Joiner & Rosenblatt 1971 (lambda distribution).
 */
export function normalScores(size: number): number[] {
  const raw = Array.from({ length: size + 1 }, (_, place) => {
    const u = (place + 0.5) / (size + 1);
    return u ** 0.14 - (1 - u) ** 0.14;
  });
  const variance = raw.reduce((sum, x) => sum + x * x, 0) / raw.length;
  return raw.map((x) => (variance === 0 ? 0 : x / Math.sqrt(variance)));
}

/**
 * Score of a value among sorted ones: equal values share the mean of the places they can take, so that a value that
 * never changes always scores 0. O(log n + ties).
 */
export function scoreOf(value: number, sorted: readonly number[], scores: readonly number[]): number {
  const first = countBelow(sorted, value);
  let place = first;
  let sum = scores[first]!;
  while (place < sorted.length && sorted[place] === value) sum += scores[++place]!;
  return sum / (place - first + 1);
}

function countBelow(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
