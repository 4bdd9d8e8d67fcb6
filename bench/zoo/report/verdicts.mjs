// What a row must show, and whether it does.
import { present } from '../../present.mjs';

/**
 * @typedef {import('./row.ts').Row} Row
 * @typedef {import('./row.ts').Seed} Seed
 * @typedef {import('./row.ts').Times} Times
 */

export const RULE = 'additive';

export const MATCH_SPARSITY = 0.03;
export const STABLE_SPARSITY = 0.03;
export const SCALE_SPARSITY = 0.01;
export const STREAM_SPARSITY = 0.005;
export const RENORMALIZED_TIMES = 30;
export const WINDOW_TIMES = 1700;

/** Accuracy lost at a rule's choice, as a share of 1; 0 where it leaves the model dense. @param {Seed} row @param {string} rule */
export function lossOf(row, rule) {
  const choice = choiceOf(row, rule);
  return choice === null ? 0 : row.denseAccuracy - choice.accuracy;
}

/** What a rule chose; null where it found no feature. @param {Pick<Seed, 'rules'>} row @param {string} rule */
export function choiceOf({ rules }, rule) {
  return rules[rule] ?? null;
}

/** Whether the choice lies at or past the first τ with 5 points lost, or itself has lost 5. @param {Row} row @param {string} rule */
export function isPastCollapse(row, rule) {
  const choice = choiceOf(row, rule);
  if (choice === null) return false;
  if (row.denseAccuracy - choice.accuracy >= 0.05 - 1e-9) return true;
  return (
    choice.threshold !== undefined && row.collapse !== null && choice.threshold >= row.collapse.threshold
  );
}

/**
 * The first features of the dense and of the pruned network: of one kind, and at the same β. `distance` takes each β from its
 * own network; `distanceInTau` takes both from the dense run, so that only τ* differs.
 *
 * @param {Row} row
 */
export function match({ features: [renormalized], fullFeatures: [full], curve }) {
  if (renormalized === undefined || full === undefined) {
    const isMatch = renormalized === full;
    return { isMatch, isMatchInTau: isMatch, distance: null, distanceInTau: null };
  }
  const distance = Math.abs(renormalized.sparsity - full.sparsity);
  const distanceInTau = Math.abs(renormalized.sparsity - sparsityAt(curve, full.threshold));
  const isMatch = (/** @type {number} */ d) => renormalized.kind === full.kind && d <= MATCH_SPARSITY;
  return { isMatch: isMatch(distance), isMatchInTau: isMatch(distanceInTau), distance, distanceInTau };
}

/** Largest difference between the F of the dense and of the pruned network up to the oracle, as a share of the range of F. @param {Row} row */
export function gap({ oracle, curve: { thresholds, renormalized, full } }) {
  const range = Math.max(...renormalized) - Math.min(...renormalized);
  const apart = thresholds.map((at, k) =>
    at > oracle.threshold ? 0 : Math.abs(present(full[k]) - present(renormalized[k])),
  );
  return Math.max(...apart) / range;
}

/** β of the dense run at a threshold between those of its curve. @param {Row['curve']} curve @param {number} threshold */
function sparsityAt({ thresholds, sparsity }, threshold) {
  const above = Math.max(
    1,
    thresholds.findIndex((at) => at >= threshold),
  );
  const [low, high] = [present(thresholds[above - 1]), present(thresholds[above])];
  const [before, after] = [present(sparsity[above - 1]), present(sparsity[above])];
  return before + (Math.log(threshold / low) / Math.log(high / low)) * (after - before);
}

/** Largest difference between values of β*; infinite when some are missing and others not, 0 when all are. @param {readonly (number | null)[]} sparsities */
export function spread(sparsities) {
  const known = sparsities.filter((sparsity) => sparsity !== null);
  if (known.length === 0) return 0;
  return known.length < sparsities.length
    ? Number.POSITIVE_INFINITY
    : Math.max(...known) - Math.min(...known);
}

/** @param {Row} row */
export function streamShift({ rules, streamed }) {
  return spread([rules[RULE]?.sparsity ?? null, streamed?.sparsity ?? null]);
}

/** Largest difference of a rule's β* between parts of the inputs. @param {import('./row.ts').Parts} parts @param {string} rule */
export function partsSpread({ sparsities }, rule) {
  return spread(present(sparsities[rule]));
}

/** Every requirement: how it is met by one row. @type {readonly [name: string, isMet: (row: Row) => boolean][]} */
export const CHECKS = [
  [
    'FE and RFE match: the same first feature at the same β, each of its own network',
    (row) => match(row).isMatch,
  ],
  ['the same along τ: both at the β of the dense run', (row) => match(row).isMatchInTau],
  ['loss ≤ 5 points', (row) => lossOf(row, RULE) <= 0.05 + 1e-9],
  ['loss ≤ 2 points', (row) => lossOf(row, RULE) <= 0.02 + 1e-9],
  ['before the collapse', (row) => !isPastCollapse(row, RULE)],
  ['stable over parts of 500 inputs', (row) => partsSpread(row.subsamples, RULE) <= STABLE_SPARSITY],
  [
    'stable over five parts (digits: of 210 inputs)',
    (row) => partsSpread(row.fifths ?? row.subsamples, RULE) <= STABLE_SPARSITY,
  ],
  ['scale-free', (row) => spread(row.scaled.sparsities) <= SCALE_SPARSITY],
  ['streaming = batch', (row) => streamShift(row) <= STREAM_SPARSITY],
  [`FE / RFE ≥ ${RENORMALIZED_TIMES}`, ({ timings }) => timesRenormalized(timings) >= RENORMALIZED_TIMES],
  [`FE / window ≥ ${WINDOW_TIMES}`, ({ timings }) => timesWindow(timings) >= WINDOW_TIMES],
  [
    `FE / RFE ≥ ${RENORMALIZED_TIMES}, processor time`,
    ({ timings: { cpu } }) => timesRenormalized(cpu) >= RENORMALIZED_TIMES,
  ],
  [
    `FE / window ≥ ${WINDOW_TIMES}, processor time`,
    ({ timings: { cpu } }) => timesWindow(cpu) >= WINDOW_TIMES,
  ],
];

/** @param {Times} times */
export function timesRenormalized({ fullSeconds, renormalizedSeconds }) {
  return fullSeconds / renormalizedSeconds;
}

/** @param {Times} times */
export function timesWindow({ fullSeconds, windowSeconds }) {
  return fullSeconds / windowSeconds;
}
