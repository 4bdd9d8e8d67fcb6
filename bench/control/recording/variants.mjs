// @ts-check
// What may happen to the traffic of a model: the same inputs, changed. Deterministic: row i is always changed the same way.
import { xorshift } from '../../../dist/drift/xorshift.js';

/**
 * @typedef {import('../../../dist/protocol/types.js').Tensor} Tensor
 * @typedef {(values: Float32Array, random: () => number, width: number) => void} PixelChange
 * @typedef {(ids: BigInt64Array, mask: BigInt64Array, random: () => number) => void} TokenChange
 */

/** @type {(c: number) => PixelChange} */
const scaled = (c) => (values) => {
  for (let i = 0; i < values.length; i++) values[i] *= c;
};

/** Changes of one image, in place; pixels are 0–255, and only a change of scale leaves that range. @type {Record<string, PixelChange>} */
const PIXELS = {
  base: () => {},
  'contrast-1.5': scaled(1.5),
  'contrast-0.67': scaled(1 / 1.5),
  'half-light': scaled(0.5),
  faint: scaled(0.1),
  noise: (values, random) => {
    for (let i = 0; i < values.length; i++) values[i] = clamped(values[i] + 40 * normal(random));
  },
  blur: (values, _, width) => {
    const sharp = values.slice();
    const height = values.length / width;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) values[y * width + x] = boxMean(sharp, x, y, width, height);
    }
  },
  inversion: (values) => {
    for (let i = 0; i < values.length; i++) values[i] = 255 - values[i];
  },
};

/** Changes of one text, in place; the first token stands for the class and stays. @type {Record<string, TokenChange>} */
const TOKENS = {
  base: () => {},
  shuffled: (ids, mask, random) => {
    const length = lengthOf(mask);
    for (let i = length - 1; i > 1; i--) {
      const j = 1 + Math.floor(random() * i);
      [ids[i], ids[j]] = [ids[j], ids[i]];
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
  const isImage = batch[0].datatype === 'FP32';
  if (!Object.hasOwn(isImage ? PIXELS : TOKENS, variant))
    throw new RangeError(`no variant '${variant}' of ${batch[0].name}`);
  const copies = batch.map((t) => ({ ...t, elements: /** @type {any} */ (t.elements).slice() }));
  const rows = batch[0].shape[0];
  for (let row = 0; row < rows; row++) {
    const [a, b] = copies.map(({ elements }) => {
      const size = elements.length / rows;
      return elements.subarray(row * size, (row + 1) * size);
    });
    const random = xorshift(first + row + 1);
    if (isImage) PIXELS[variant](a, random, batch[0].shape.at(-1) ?? 1);
    else TOKENS[variant](a, b, random);
  }
  return copies;
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
      sum += values[v * width + u];
      count++;
    }
  }
  return sum / count;
}
