// @ts-check

/** @import { Interval, Scale } from './scale.js' */

/**
 * @param {Interval} domain
 * @param {Interval} range
 * @returns {Scale}
 */
export function linearScale([d0, d1], [r0, r1]) {
  const slope = d1 === d0 ? 0 : (r1 - r0) / (d1 - d0);
  return (value) => r0 + (value - d0) * slope;
}

/**
 * @param {Interval} domain - positive
 * @param {Interval} range
 * @returns {Scale}
 */
export function logScale([d0, d1], range) {
  const inLog = linearScale([Math.log(d0), Math.log(d1)], range);
  return (value) => inLog(Math.log(value));
}

/**
 * Round values inside a domain, steps of 1, 2 or 5 times a power of ten.
 *
 * @param {Interval} domain
 * @param {number} count - about how many
 */
export function linearTicks([low, high], count) {
  if (!(high > low)) return [low];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((m) => m * power >= rough * (1 - 1e-9)) ?? 10);
  /** @type {number[]} */
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    ticks.push(Number((i * step).toPrecision(12)));
  }
  return ticks;
}

/**
 * Round values inside a positive domain: 1, 2, 5 per decade, all digits when that leaves fewer than four.
 *
 * @param {Interval} domain
 */
export function logTicks([low, high]) {
  const coarse = multiples(low, high, [1, 2, 5]);
  return coarse.length >= 4 ? coarse : multiples(low, high, [1, 1.5, 2, 3, 4, 5, 6, 8]);
}

/**
 * @param {number} low
 * @param {number} high
 * @param {readonly number[]} digits
 */
function multiples(low, high, digits) {
  /** @type {number[]} */
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++) {
    for (const digit of digits) {
      const tick = Number((digit * 10 ** power).toPrecision(6));
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  }
  return ticks;
}

/**
 * Keeps the ticks that leave room for each other's labels, in order.
 *
 * @param {readonly number[]} ticks
 * @param {Scale} scale
 * @param {number} gap - pixels
 */
export function thinned(ticks, scale, gap) {
  /** @type {number[]} */
  const kept = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const tick of ticks) {
    const x = scale(tick);
    if (Math.abs(x - last) < gap) continue;
    kept.push(tick);
    last = x;
  }
  return kept;
}

/**
 * A path through points; a null breaks it.
 *
 * @param {readonly (readonly [number, number] | null)[]} points - pixels
 */
export function pathThrough(points) {
  let path = '';
  let isPenDown = false;
  for (const point of points) {
    if (point === null) {
      isPenDown = false;
      continue;
    }
    const [x, y] = point;
    const at = `${x.toFixed(1)},${y.toFixed(1)}`;
    // A lone point is a line of no length: round caps make it visible.
    path += isPenDown ? `L${at}` : `M${at}L${at}`;
    isPenDown = true;
  }
  return path;
}
