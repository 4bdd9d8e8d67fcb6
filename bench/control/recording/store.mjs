// Recordings on disk, made once: .cache/control/MODEL-VARIANT-KEY.bin.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DEFAULT_SCHEME } from '../../../dist/config/site-schemes.js';
import { decodeModel } from '../../../dist/onnx/model-file.js';
import { findSites } from '../../../dist/onnx/sites.js';
import { ENTRIES, entryOf, isFirstSeed } from '../../zoo/entries.mjs';
import { open } from '../../zoo/report/opened.mjs';
import { readColumns, writeColumns } from './file.mjs';
import { GRID, record } from './record.mjs';

const ROOT = new URL('../../../', import.meta.url);
const CACHE = new URL('.cache/control/', ROOT);
/** Part of every key: what is recorded, and how. */
const FORMAT = 1;

/** @typedef {import('../../../dist/config/site-schemes.js').SiteScheme} SiteScheme */

/** The scheme that recordings were made of first; others have it in their key, where they mean other sites. @type {SiteScheme} */
const FIRST_SITES = 'activations';

/** @typedef {import('./record.mjs').Recorded & { about: { name: string, seconds: number } }} Recording */

/** The row of each architecture and data set that the report is about, seeds left out. */
export const MAIN_ROWS = ENTRIES.filter(isFirstSeed).map(({ name }) => name);

/** Inputs that are recorded of every model. */
export const ROWS = 1000;

/**
 * Makes what is missing of the variants of a model; the first is the base, whose thresholds all have.
 *
 * @param {string} name - a row of zoo.json.
 * @param {readonly string[]} variants
 * @param {(line: string) => void} say
 * @param {SiteScheme} [sites]
 */
export async function ensureRecorded(name, variants, say, sites = DEFAULT_SCHEME) {
  const wanted = ['base', ...variants.filter((variant) => variant !== 'base')];
  if (wanted.every((variant) => existsSync(pathOf(name, variant, sites)))) return;
  mkdirSync(CACHE, { recursive: true });
  const opened = await open(entryOf(name), sites);
  try {
    for (const variant of wanted) {
      if (existsSync(pathOf(name, variant, sites))) continue;
      const started = performance.now();
      const alsoAt = variant === 'base' ? [] : Array.from(recording(name, 'base', sites).columns.thresholds);
      const { about, columns } = await record(opened, variant, ROWS, alsoAt, (share) =>
        say(`recording ${name}, ${variant}: ${(100 * share).toFixed(0)} %`),
      );
      const seconds = (performance.now() - started) / 1000;
      writeColumns(fileURLToPath(pathOf(name, variant, sites)), { ...about, name, seconds }, columns);
    }
  } finally {
    await opened.close();
  }
}

/**
 * @param {string} name
 * @param {string} variant
 * @param {SiteScheme} [sites]
 * @returns {Recording}
 */
export function recording(name, variant, sites = DEFAULT_SCHEME) {
  return /** @type {Recording} */ (readColumns(fileURLToPath(pathOf(name, variant, sites))));
}

/** Sites of a row's model. @type {(name: string, scheme: SiteScheme) => readonly import('../../../dist/onnx/sites.js').Site[]} */
export function sitesOf(name, scheme) {
  const bytes = readFileSync(new URL(entryOf(name).model, ROOT));
  return findSites(decodeModel(bytes), { scheme }).sites;
}

/** Where two schemes mean the same sites they share a recording. @type {(name: string, variant: string, sites: SiteScheme) => URL} */
function pathOf(name, variant, sites) {
  const entry = entryOf(name);
  const tensors = (/** @type {SiteScheme} */ scheme) => sitesOf(name, scheme).map(({ tensor }) => tensor);
  const isFirst = sites === FIRST_SITES || tensors(sites).join() === tensors(FIRST_SITES).join();
  const more = isFirst ? {} : { sites };
  const key = createHash('sha256')
    .update(readFileSync(new URL(entry.model, ROOT)))
    .update(JSON.stringify({ variant, GRID, ROWS, FORMAT, inputs: entry.inputs, ...more }))
    .digest('hex')
    .slice(0, 12);
  return new URL(`${name}-${variant}-${key}.bin`, CACHE);
}
