import { byStream, type PlacedRequest, standardized } from './request-correlation.ts';
import { skewed } from './skewed.ts';

/** Blocks of requests that there must be: with fewer a sum tells nothing of its spread. */
const LEAST_BLOCKS = 16;
/** Streams count that reach over so many blocks at least: a block that is longer than its stream says nothing of its length. */
const LEAST_EXTENT = 4;
/** Pairs of requests that a correlation is read from, at least. */
const LEAST_PAIRS = 225;
/** Blocks that are looked at, in requests: 2, 4, 8, … up to this. */
const LONGEST_BLOCK = 8192;
/** Standard errors above 0 at which a correlation is one. */
const CLEAR = 4;
/** The same for that of requests which are further apart than any in blocks half as long: else these tell all there is. */
const CLEAR_MORE = 3;

interface Pairs {
  /** Of the products of two requests of one block. */
  readonly sum: number;
  readonly pairs: number;
  /**
   * Variance of that sum if every request resembles none before it: that of each times what those before it in its block add up to. It is
   * more than one would think of so many pairs where unusual requests are what makes a server take more samples.
   */
  readonly variance: number;
  /** Blocks of one size whose sum would be as skewed: fewer than there are, where few hold most of the pairs. */
  readonly evenBlocks: number;
}

/**
 * How many requests of one stream, in a row, are worth one, by the sums of blocks: those of independent requests vary as their number
 * says, and those of requests of which so many are worth one so many times as much. What is weak and reaches far, as the resemblance
 * of streams that take turns, is lost in noise at each distance by itself, and shows in these. It is what the longest blocks show
 * that tell more than those half as long; 1 where none tell more than noise. Short of the truth where the requests reach over few
 * times that many. O(requests · channels · log longest).
 *
 * Sources: Flyvbjerg & Petersen 1989, "Error estimates on averages of correlated data"; Wilson & Hilferty 1931, for the noise of squares.
 *
 * @param requests - of every stream in order.
 * @returns requests; null where there are too few pairs to tell.
 */
export function blockCorrelation(requests: readonly PlacedRequest[]): number | null {
  const values = requests.length < 2 ? null : standardized(requests);
  if (values === null) return null;
  const streams = byStream(requests);
  const covariance = covarianceOf(values);
  const spread = covariance.reduce((sum, x) => sum + x * x, 0);
  let time: number | null = null;
  let isSeen = false;
  let shorter = { sum: 0, pairs: 0 };
  for (let length = 2; length <= LONGEST_BLOCK; length *= 2) {
    const within = pairsWithin(requests, streams, values, covariance, length);
    const { sum, pairs, variance, evenBlocks } = within;
    if (pairs < LEAST_PAIRS) continue;
    if (evenBlocks < LEAST_BLOCKS) break;
    const noise = (squared: number, errors: number) =>
      skewed(errors, evenBlocks / spread) * Math.sqrt(squared);
    // Where requests do resemble each other their sums are large for that reason: then it is the pairs again that tell over how many.
    isSeen ||= sum > noise(Math.max(variance, spread * pairs), CLEAR);
    const isClear = isSeen && sum > noise(spread * pairs, CLEAR);
    const [more, morePairs] = [sum - shorter.sum, pairs - shorter.pairs];
    if (isClear && more > noise(spread * morePairs, CLEAR_MORE)) time = 1 + ((length - 1) * sum) / pairs;
    time = Math.max(1, time ?? 1);
    shorter = within;
  }
  return time;
}

function pairsWithin(
  requests: readonly PlacedRequest[],
  streams: readonly (readonly number[])[],
  values: readonly Float64Array[],
  covariance: Float64Array,
  length: number,
): Pairs {
  const all = { sum: 0, pairs: 0, variance: 0 };
  // Of a sum of squares of blocks, the second moment grows with the square of their sizes and the third with the cube.
  let [second, third] = [0, 0];
  const before = new Float64Array(values[0]!.length);
  let [block, count] = [-1, 0];
  const close = () => {
    if (count >= 2) {
      second += count ** 2;
      third += count ** 3;
    }
    before.fill(0);
    [block, count] = [-1, 0];
  };
  for (const members of streams) {
    const extent = requests[members.at(-1)!]!.index - requests[members[0]!]!.index;
    if (extent < LEAST_EXTENT * length) continue;
    for (const i of members) {
      const own = Math.floor(requests[i]!.index / length);
      if (own !== block) close();
      block = own;
      all.pairs += count++;
      all.sum += dot(before, values[i]!);
      all.variance += varianceOf(before, covariance);
      for (let c = 0; c < before.length; c++) before[c]! += values[i]![c]!;
    }
    close();
  }
  return { ...all, evenBlocks: third === 0 ? 0 : second ** 3 / third ** 2 };
}

/** Shape [channels, channels]; its squares add up to the mean square of the product of two independent requests. */
function covarianceOf(values: readonly Float64Array[]): Float64Array {
  const width = values[0]!.length;
  const covariance = new Float64Array(width * width);
  for (const x of values)
    for (let a = 0; a < width; a++)
      for (let b = 0; b < width; b++) covariance[a * width + b]! += (x[a]! * x[b]!) / values.length;
  return covariance;
}

/** Mean square of the product of `x` and a request. */
function varianceOf(x: Float64Array, covariance: Float64Array): number {
  let sum = 0;
  for (let a = 0; a < x.length; a++)
    for (let b = 0; b < x.length; b++) sum += x[a]! * covariance[a * x.length + b]! * x[b]!;
  return sum;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let c = 0; c < a.length; c++) sum += a[c]! * b[c]!;
  return sum;
}
