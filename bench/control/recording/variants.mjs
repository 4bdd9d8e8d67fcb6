// What may happen to the traffic of a model: the same inputs, changed. Deterministic: row i is always changed the same way.
import { xorshift } from '../../../dist/drift/xorshift.js';
import { present } from '../../present.mjs';

/**
 * @typedef {import('../../../dist/protocol/types.js').Tensor} Tensor
 * @typedef {(values: Float32Array, random: () => number, width: number) => void} PixelChange
 * @typedef {(ids: BigInt64Array, mask: BigInt64Array, random: () => number) => void} TokenChange
 */

/** @type {(c: number) => PixelChange} */
const scaled = (c) => (values) => {
  for (const [i, value] of values.entries()) values[i] = value * c;
};

/** Changes of one image, in place; pixels are 0–255, and only a change of scale leaves that range. @type {Record<string, PixelChange>} */
const PIXELS = {
  base: () => {},
  'contrast-1.5': scaled(1.5),
  'contrast-0.67': scaled(1 / 1.5),
  'half-light': scaled(0.5),
  faint: scaled(0.1),
  noise: (values, random) => {
    for (const [i, value] of values.entries()) values[i] = clamped(value + 40 * normal(random));
  },
  blur: (values, _, width) => {
    const sharp = values.slice();
    const height = values.length / width;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) values[y * width + x] = boxMean(sharp, x, y, width, height);
    }
  },
  inversion: (values) => {
    for (const [i, value] of values.entries()) values[i] = 255 - value;
  },
};

/** Changes of one text, in place; the first token stands for the class and stays. @type {Record<string, TokenChange>} */
const TOKENS = {
  base: () => {},
  shuffled: (ids, mask, random) => {
    const length = lengthOf(mask);
    for (let i = length - 1; i > 1; i--) {
      const j = 1 + Math.floor(random() * i);
      const id = present(ids[i]);
      ids[i] = present(ids[j]);
      ids[j] = id;
    }
  },
  truncated: (ids, mask) => {
    ids.fill(0n, 12);
    mask.fill(0n, 12);
  },
};

/**
 * The changed rows of a batch.
 *
 * @param {string} variant
 * @param {readonly Tensor[]} batch - an image in FP32, or token ids and their mask in INT64.
 * @param {number} first - index of the first row.
 * @returns {Tensor[]}
 */
export function varied(variant, batch, first) {
  const [values, mask] = batch.map(copied);
  if (values?.datatype === 'FP32') {
    const change = changeOf(PIXELS, variant, values);
    const width = values.shape.at(-1) ?? 1;
    for (const [i, row] of rowsOf(values).entries())
      change(/** @type {Float32Array} */ (row), xorshift(first + i + 1), width);
    return [values];
  }
  const [ids, masks] = [present(values), present(mask)];
  const change = changeOf(TOKENS, variant, ids);
  const rows = /** @type {BigInt64Array[]} */ (rowsOf(ids));
  for (const [i, row] of /** @type {BigInt64Array[]} */ (rowsOf(masks)).entries())
    change(present(rows[i]), row, xorshift(first + i + 1));
  return [ids, masks];
}

/** @template {PixelChange | TokenChange} Change @param {Record<string, Change>} changes @param {string} variant @param {{ name: string }} of @returns {Change} */
function changeOf(changes, variant, { name }) {
  const change = changes[variant];
  if (change === undefined) throw new RangeError(`no variant '${variant}' of ${name}`);
  return change;
}

/** @typedef {Omit<Tensor, 'elements'> & { elements: Float32Array | BigInt64Array }} Input */

/** @param {Tensor} tensor @returns {Input} */
function copied(tensor) {
  const elements = /** @type {Input['elements']} */ (tensor.elements);
  return { ...tensor, elements: elements.slice() };
}

/** Views of the rows of a batch. @param {Input} input */
function rowsOf({ elements, shape: [rows = 0] }) {
  const size = elements.length / rows;
  return Array.from({ length: rows }, (_, row) => elements.subarray(row * size, (row + 1) * size));
}

/** @param {BigInt64Array} mask */
function lengthOf(mask) {
  return mask.reduce((n, m) => n + Number(m), 0);
}

/** @param {number} x */
function clamped(x) {
  return Math.min(255, Math.max(0, x));
}

/** Box–Muller. @param {() => number} random */
function normal(random) {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Mean of the 3 × 3 pixels around one, of those that exist. @type {(v: Float32Array, x: number, y: number, w: number, h: number) => number} */
function boxMean(values, x, y, width, height) {
  let sum = 0;
  let count = 0;
  for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
    for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
      sum += present(values[v * width + u]);
      count++;
    }
  }
  return sum / count;
}
