// @ts-check

/** @import { Exposition, Sample } from './exposition.js' */

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/**
 * Reads the samples of the Prometheus text format whose name has a prefix. Comments and broken lines are passed over.
 *
 * @param {string} text
 * @param {string} prefix - '' for all.
 * @returns {Exposition}
 */
export function readExposition(text, prefix = '') {
  /** @type {Map<string, Sample[]>} */
  const samples = new Map();
  for (const line of text.split('\n')) {
    if (!line.startsWith(prefix)) continue;
    const match = LINE.exec(line);
    if (match === null) continue;
    const [, name = '', labels = '', value = ''] = match;
    const sample = { labels: readLabels(labels), value: readValue(value) };
    const known = samples.get(name);
    if (known === undefined) samples.set(name, [sample]);
    else known.push(sample);
  }
  return samples;
}

/**
 * The samples of a metric whose labels are as given.
 *
 * @param {Exposition} exposition
 * @param {string} name
 * @param {Readonly<Record<string, string>>} labels
 * @returns {readonly Sample[]}
 */
export function samplesOf(exposition, name, labels = {}) {
  const wanted = Object.entries(labels);
  return (exposition.get(name) ?? []).filter((sample) =>
    wanted.every(([label, value]) => sample.labels[label] === value),
  );
}

/** @param {string} text */
function readLabels(text) {
  return Object.fromEntries(
    [...text.matchAll(LABEL)].map(([, name = '', value = '']) => [
      name,
      value.replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c)),
    ]),
  );
}

/** @param {string} text */
function readValue(text) {
  if (text === '+Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  return Number(text);
}
