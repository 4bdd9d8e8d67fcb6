// @ts-check

/** @import { History } from './api.js' */

const DAY_MS = 24 * 3_600_000;

/**
 * A time in which neither state nor exposure changed.
 *
 * @typedef {object} DayStretch
 * @property {string} state
 * @property {number} exposure - share of production at the candidate, 0–1
 * @property {number} from - hours before now, the larger one
 * @property {number} to - hours before now
 */

/**
 * The last 24 hours of a model, as far as the server remembers: oldest first.
 *
 * @param {History} history
 * @returns {DayStretch[]}
 */
export function dayOf({ now, changes }) {
  return changes.flatMap(({ at, state, exposure }, i) => {
    const from = Math.max(at, now - DAY_MS);
    const to = changes[i + 1]?.at ?? now;
    return to <= from ? [] : [{ state, exposure, from: hoursAgo(from, now), to: hoursAgo(to, now) }];
  });
}

/**
 * The day in a sentence: how long it is remembered, how much of production was pruned, and how long each state lasted.
 *
 * @param {readonly DayStretch[]} day
 */
export function dayText(day) {
  const known = day.reduce((sum, stretch) => sum + lengthOf(stretch), 0);
  if (known === 0) return 'Nothing is remembered of it yet.';
  const pruned = day.reduce((sum, stretch) => sum + stretch.exposure * lengthOf(stretch), 0) / known;
  /** @type {Map<string, number>} */
  const states = new Map();
  for (const stretch of day) states.set(stretch.state, (states.get(stretch.state) ?? 0) + lengthOf(stretch));
  const parts = [...states]
    .sort(([, one], [, other]) => other - one)
    .map(([state, hours]) => `${state} ${hoursText(hours)}`);
  return `${hoursText(known)} remembered, ${Math.round(100 * pruned)} % of it pruned: ${parts.join(', ')}.`;
}

/** @param {DayStretch} stretch */
function lengthOf({ from, to }) {
  return from - to;
}

/**
 * @param {number} at - Unix ms
 * @param {number} now - Unix ms
 */
function hoursAgo(at, now) {
  return (now - at) / 3_600_000;
}

/** @param {number} hours */
function hoursText(hours) {
  if (hours >= 1) return `${hours.toFixed(1)} h`;
  return hours * 60 >= 1 ? `${Math.round(hours * 60)} min` : `${Math.round(hours * 3600)} s`;
}
