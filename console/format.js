// @ts-check

/** What stands where a value is not known. */
export const UNKNOWN = '–';

/**
 * A share as a percentage.
 *
 * @param {number | null | undefined} ratio - 0–1
 * @param {number} [digits]
 */
export function percent(ratio, digits = 1) {
  return ratio === null || ratio === undefined ? UNKNOWN : `${(ratio * 100).toFixed(digits)} %`;
}

/**
 * A number with three significant digits: a threshold may be of any size.
 *
 * @param {number | null | undefined} value
 */
export function significant(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return UNKNOWN;
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 0.001 || size >= 100_000) return minus(value.toExponential(2));
  if (size >= 100) return minus(value.toFixed(0));
  return minus(String(Number(value.toPrecision(3))));
}

/**
 * A number with a fixed number of decimals.
 *
 * @param {number | null | undefined} value
 * @param {number} digits
 */
export function decimal(value, digits) {
  return value === null || value === undefined ? UNKNOWN : minus(value.toFixed(digits));
}

/**
 * A ratio of times: × 1.35.
 *
 * @param {number | null | undefined} ratio
 */
export function times(ratio) {
  return ratio === null || ratio === undefined ? UNKNOWN : `× ${ratio.toFixed(2)}`;
}

/**
 * A loss: a share with four decimals at most.
 *
 * @param {number | null | undefined} value - 0–1
 */
export function lossText(value) {
  if (value === null || value === undefined) return UNKNOWN;
  return value > 0 && value < 0.0001 ? '< 0.0001' : String(Number(value.toFixed(4)));
}

/**
 * A duration in the unit that suits it.
 *
 * @param {number | null | undefined} seconds
 */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return UNKNOWN;
  if (seconds === 0) return '0 ms';
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 0.0995) return `${(seconds * 1000).toPrecision(2)} ms`;
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  return `${seconds.toPrecision(3)} s`;
}

/**
 * A rate per second.
 *
 * @param {number | null | undefined} perSecond
 */
export function rate(perSecond) {
  if (perSecond === null || perSecond === undefined) return UNKNOWN;
  return perSecond >= 100 || perSecond === 0 ? perSecond.toFixed(0) : perSecond.toFixed(1);
}

/**
 * A moment as local time of day.
 *
 * @param {number} at - Unix ms
 */
export function clock(at) {
  return new Date(at).toLocaleTimeString('en-GB');
}

/**
 * How long ago a moment was, in words.
 *
 * @param {number} at - Unix ms
 * @param {number} now - Unix ms
 */
export function ago(at, now) {
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 5) return 'just now';
  if (seconds < 90) return `${seconds} s ago`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min ago`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `${Math.round(hours / 24)} days ago`;
}

/**
 * A sentence with its long decimals shortened to four significant digits.
 *
 * @param {string} sentence
 */
export function shorten(sentence) {
  return sentence.replace(/\d+\.\d{5,}(?:e[-+]?\d+)?/g, (number) =>
    String(Number(Number(number).toPrecision(4))),
  );
}

/** @param {string} number */
function minus(number) {
  return number.replace(/^-/, '−');
}
