// Ways of running the same requests, timed in alternation.

/**
 * @typedef {object} Times - microseconds of one run.
 * @property {number} min
 * @property {number} median
 */

/** Runs of an arm before it is timed. */
const WARM_UP = 3;

/**
 * Rounds A B … B A over all arms, the first one being what the others are compared with.
 *
 * @param {readonly (() => Promise<void>)[]} arms - each answers all requests once.
 * @param {{ requests: number, rounds: number, milliseconds: number }} options - requests of one call, and how long an arm of a round lasts at least.
 * @returns {Promise<Times[]>} one per arm.
 */
export async function alternate(arms, { requests, rounds, milliseconds }) {
  const repeats = [];
  for (const arm of arms) {
    await time(arm, WARM_UP);
    repeats.push(Math.max(1, Math.ceil(milliseconds / (await time(arm, 1)))));
  }
  /** @type {number[][]} */
  const times = arms.map(() => []);
  const there = arms.map((_, i) => i);
  for (let round = 0; round < rounds; round++)
    for (const i of [...there, ...there.toReversed()]) {
      const arm = /** @type {() => Promise<void>} */ (arms[i]);
      times[i]?.push(((await time(arm, repeats[i] ?? 1)) * 1000) / requests);
    }
  return times.map((each) => ({ min: Math.min(...each), median: median(each) }));
}

/** Milliseconds of one call. @param {() => Promise<void>} arm @param {number} count */
async function time(arm, count) {
  const begun = performance.now();
  for (let i = 0; i < count; i++) await arm();
  return (performance.now() - begun) / count;
}

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
