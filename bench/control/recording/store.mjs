// Recordings on disk, made once: .cache/control/MODEL-VARIANT-KEY.bin.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ENTRIES, entryOf, isFirstSeed } from '../../zoo/entries.mjs';
import { open } from '../../zoo/report/opened.mjs';
import { readColumns, writeColumns } from './file.mjs';
import { GRID, record } from './record.mjs';

const ROOT = new URL('../../../', import.meta.url);
const CACHE = new URL('.cache/control/', ROOT);
/** Part of every key: what is recorded, and how. */
const FORMAT = 1;

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
 */
export async function ensureRecorded(name, variants, say) {
  const wanted = ['base', ...variants.filter((variant) => variant !== 'base')];
  if (wanted.every((variant) => existsSync(pathOf(name, variant)))) return;
  mkdirSync(CACHE, { recursive: true });
  const opened = await open(entryOf(name));
  try {
    for (const variant of wanted) {
      if (existsSync(pathOf(name, variant))) continue;
      const started = performance.now();
      const alsoAt = variant === 'base' ? [] : Array.from(recording(name, 'base').columns.thresholds);
      const { about, columns } = await record(opened, variant, ROWS, alsoAt, (share) =>
        say(`recording ${name}, ${variant}: ${(100 * share).toFixed(0)} %`),
      );
      const seconds = (performance.now() - started) / 1000;
      writeColumns(fileURLToPath(pathOf(name, variant)), { ...about, name, seconds }, columns);
    }
  } finally {
    await opened.close();
  }
}

/**
 * @param {string} name
 * @param {string} variant
 * @returns {Recording}
 */
export function recording(name, variant) {
  return /** @type {Recording} */ (readColumns(fileURLToPath(pathOf(name, variant))));
}

/** @type {(name: string, variant: string) => URL} */
function pathOf(name, variant) {
  const entry = entryOf(name);
  const key = createHash('sha256')
    .update(readFileSync(new URL(entry.model, ROOT)))
    .update(JSON.stringify({ variant, GRID, ROWS, FORMAT, inputs: entry.inputs }))
    .digest('hex')
    .slice(0, 12);
  return new URL(`${name}-${variant}-${key}.bin`, CACHE);
}
