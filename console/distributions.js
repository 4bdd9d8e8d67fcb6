// @ts-check
import { percent, significant } from './format.js';
import { logScale } from './scale.js';

/** @import { Activations } from './api.js' */

/** @typedef {Activations['sites'][number]} SiteActivations */
/** @typedef {NonNullable<SiteActivations['current']>} Distribution */

/**
 * A site's distributions as they are drawn, in a box of 100 × 100: magnitude to the right on a log scale, density of ln |a| upwards.
 *
 * @typedef {object} Drawing
 * @property {string} current - path; empty: nothing is known
 * @property {string} reference - path of an area; empty: nothing is known
 * @property {number | null} threshold - where τ is; null outside of what is drawn
 * @property {readonly [low: number, high: number] | null} ends - of the axis, in units of activation
 */

const SIZE = 100;

/**
 * Both distributions on one scale.
 *
 * @param {SiteActivations} site
 * @param {number | null} threshold - τ, in units of activation
 * @returns {Drawing}
 */
export function drawingOf({ edges, current, reference }, threshold) {
  const [low, high] = [edges[0], edges.at(-1)];
  if (low === undefined || high === undefined)
    return { current: '', reference: '', threshold: null, ends: null };
  // Magnitudes of the first bar may reach down to 0, which a log scale has no place for.
  const first = low === 0 ? (edges[1] ?? high) / 2 : low;
  const x = logScale([first, high], [0, SIZE]);
  const places = edges.map((edge) => x(Math.max(edge, first)));
  const [now, then] = [current, reference].map((one) => densities(one, places));
  const highest = Math.max(...(now ?? []), ...(then ?? []), Number.MIN_VALUE);
  const isShown = threshold !== null && threshold >= first && threshold <= high;
  return {
    current: now === undefined ? '' : outline(now, places, highest),
    reference: then === undefined ? '' : `${outline(then, places, highest)}Z`,
    threshold: isShown ? x(threshold) : null,
    ends: [first, high],
  };
}

/**
 * Share per width of each bar.
 *
 * @param {Distribution | null} distribution
 * @param {readonly number[]} places - of the edges
 */
function densities(distribution, places) {
  return distribution?.shares.map((share, i) => share / ((places[i + 1] ?? 0) - (places[i] ?? 0) || 1));
}

/**
 * Steps from the bottom left to the bottom right.
 *
 * @param {readonly number[]} densities
 * @param {readonly number[]} places
 * @param {number} highest
 */
function outline(densities, places, highest) {
  const steps = densities.map((density, i) => {
    const y = rounded(SIZE * (1 - density / highest));
    return `V${y}H${rounded(places[i + 1] ?? SIZE)}`;
  });
  return `M0 ${SIZE}${steps.join('')}V${SIZE}`;
}

/** @param {number} value */
function rounded(value) {
  return Math.round(value * 100) / 100;
}

/**
 * What the drawing shows, in words.
 *
 * @param {SiteActivations} site
 * @returns {readonly string[]}
 */
export function distributionLines({ current, reference }) {
  if (current === null) return ['not sampled yet'];
  /** @param {string} name @param {(distribution: Distribution) => number | null} of @param {(value: number | null) => string} format */
  const line = (name, of, format) => {
    const was = reference === null ? '' : `, was ${format(of(reference))}`;
    return `${name} ${format(of(current))}${was}`;
  };
  return [
    line('median', ({ median }) => median, significant),
    ...(current.belowThreshold === null
      ? []
      : [line('below τ', ({ belowThreshold }) => belowThreshold, percent)]),
    line('zero', ({ zeroRatio }) => zeroRatio, percent),
  ];
}

/**
 * What is compared with what.
 *
 * @param {Activations} activations
 * @param {(at: number) => string} moment - when that was, in words
 */
export function distributionsText({ current, reference, threshold }, moment) {
  if (current === null) return 'Nothing is sampled yet.';
  const now = `${current.samples} sampled requests`;
  const then =
    reference === null
      ? 'There is no reference: no threshold was searched since this server started.'
      : `Reference: ${reference.samples} requests when the threshold was searched, ${moment(reference.at)}.`;
  const at = threshold === null ? '' : ` τ ${significant(threshold)}.`;
  return `Now: ${now}. ${then}${at}`;
}
