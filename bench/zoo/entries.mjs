// The models of zoo.json and of zoo-wide.json.
import { readFileSync } from 'node:fs';
import { present } from '../present.mjs';

/**
 * @typedef {object} Entry
 * @property {string} name
 * @property {string} entry - the name of the first seed.
 * @property {string} architecture
 * @property {string} dataset
 * @property {number} seed
 * @property {string} model - path from the root of the project, like all paths here.
 * @property {Readonly<Record<string, string>>} inputs - files by input.
 * @property {string} labels
 * @property {number} heldOut - how many inputs were held out of training.
 * @property {number} accuracyHeldOut - share of them.
 */

/** Narrow models, which claims about thresholds are checked on. */
export const ENTRIES = entriesOf('zoo.json');
/** Wide ones, which time is measured on. */
export const WIDE_ENTRIES = entriesOf('zoo-wide.json');

/** @param {string} index @returns {readonly Entry[]} */
function entriesOf(index) {
  return JSON.parse(readFileSync(new URL(index, import.meta.url), 'utf8'));
}

/** @param {string} name @throws RangeError without such an entry. */
export function entryOf(name) {
  return present(ENTRIES.find((entry) => entry.name === name));
}

/** Whether an entry is the first seed of its architecture and data set. @param {Pick<Entry, 'name' | 'entry'>} entry */
export function isFirstSeed({ name, entry }) {
  return name === entry;
}
