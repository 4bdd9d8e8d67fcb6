import { skewed } from './skewed.ts';

/** Items of the shortest block: sums of fewer are far from normal. */
const SHORTEST = 16;
/** Blocks that there must be: with fewer a sum tells nothing of its spread. */
const LEAST_BLOCKS = 16;
/** Blocks that are left out, the largest, as a share of all: a shift that nobody has noticed yet makes the latest large. */
const LEFT_OUT = 1 / 8;
/** Standard errors above 0 at which a correlation is one. */
const CLEAR = 5;
/** Where the longest blocks show so many times what those half as long do, and these too, longer ones are taken to show more. */
const GROWING = 1.4;
const GROWN_TWICE = 2;
/** So many times as much, then. */
const GOES_ON = 4;

/**
 * How many items of a series, in a row, are worth one, by the sums of blocks of 16, 32, … items: those of independent items vary
 * as their number says, and those of items of which so many are worth one so many times as much. 1 where none vary clearly more. The
 * series has no gaps, so that what is weak and reaches far, as the resemblance of streams that take turns, shows soon. Where it
 * is too short for the longest resemblance, that is taken to reach further than it shows. O(items · channels).
 *
 * Source: Flyvbjerg & Petersen 1989, "Error estimates on averages of correlated data".
 *
 * @param values - shape [items, channels].
 * @returns items; null where no channel varies, or there are too few.
 */
export function seriesCorrelation(values: Float64Array, channels: number): number | null {
  const standardized = standardizedSeries(values, channels);
  if (standardized === null) return null;
  const dependence = squaredCovariance(standardized, channels);
  let sums: Float64Array = standardized;
  let [time, shorter, growing] = [1, 1, 0];
  let blocks = values.length / channels;
  for (let length = 2; Math.floor(blocks / 2) >= LEAST_BLOCKS; length *= 2) {
    sums = pairSums(sums, channels);
    blocks = sums.length / channels;
    const squares = squaresOf(sums, channels, length);
    const mean = squares.reduce((sum, x) => sum + x, 0) / blocks;
    growing = mean > GROWING * shorter ? growing + 1 : 0;
    shorter = mean;
    if (length < SHORTEST) continue;
    const error = Math.sqrt((2 * dependence) / blocks);
    const isClear = meanWithoutLargest(squares) - 1 > error * skewed(CLEAR, blocks / dependence);
    if (isClear) time = Math.max(time, mean);
    else growing = 0;
  }
  return growing >= GROWN_TWICE ? GOES_ON * time : time;
}

/** Every channel with mean 0, scaled so that an item's product with itself is 1 on average. Null: none varies. */
function standardizedSeries(values: Float64Array, channels: number): Float64Array | null {
  const items = Math.floor(values.length / channels);
  const standardized = new Float64Array(items * channels);
  let varying = 0;
  for (let c = 0; c < channels; c++) {
    let [sum, squares, largest] = [0, 0, 0];
    for (let i = c; i < standardized.length; i += channels) {
      sum += values[i]!;
      largest = Math.max(largest, Math.abs(values[i]!));
    }
    const mean = sum / items;
    for (let i = c; i < standardized.length; i += channels) squares += (values[i]! - mean) ** 2;
    const deviation = Math.sqrt(squares / items);
    if (!(deviation > LEAST_DEVIATION * largest)) continue;
    varying++;
    for (let i = c; i < standardized.length; i += channels) standardized[i] = (values[i]! - mean) / deviation;
  }
  if (varying === 0) return null;
  const scale = 1 / Math.sqrt(varying);
  return standardized.map((x) => scale * x);
}

/** A channel varies where its deviation is more than this share of its largest number: less may be rounding. */
const LEAST_DEVIATION = 1e-6;

/** Sum of the squares of the covariance of the channels: 1 where all are one, less the more there are that differ. */
function squaredCovariance(standardized: Float64Array, channels: number): number {
  const items = standardized.length / channels;
  let total = 0;
  for (let a = 0; a < channels; a++)
    for (let b = 0; b <= a; b++) {
      let sum = 0;
      for (let i = 0; i < standardized.length; i += channels)
        sum += standardized[i + a]! * standardized[i + b]!;
      total += (a === b ? 1 : 2) * (sum / items) ** 2;
    }
  return total;
}

/** Sums of two neighbours each; the last without one is left out. Shape [blocks / 2, channels]. */
function pairSums(sums: Float64Array, channels: number): Float64Array {
  const pairs = new Float64Array(Math.floor(sums.length / channels / 2) * channels);
  for (let at = 0; at < pairs.length; at += channels)
    for (let c = 0; c < channels; c++) pairs[at + c] = sums[2 * at + c]! + sums[2 * at + channels + c]!;
  return pairs;
}

/** Square of the sum of each block for one of its items: 1 on average where these are independent. */
function squaresOf(sums: Float64Array, channels: number, length: number): Float64Array {
  const squares = new Float64Array(sums.length / channels);
  for (let i = 0; i < sums.length; i++) squares[Math.floor(i / channels)]! += sums[i]! ** 2 / length;
  return squares;
}

/** Less than the mean, the more so the more the squares differ. */
function meanWithoutLargest(squares: Float64Array): number {
  const kept = squares.toSorted().subarray(0, squares.length - Math.ceil(LEFT_OUT * squares.length));
  return kept.reduce((sum, x) => sum + x, 0) / kept.length;
}
