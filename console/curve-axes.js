// @ts-check
import { freeEnergyDomain, thresholdAt, valueAt } from './curve-model.js';
import { svg } from './elements.js';
import { significant } from './format.js';
import { linearScale, linearTicks, logScale, logTicks, thinned } from './scale.js';

/** @import { CurvePoint } from './curve-model.js' */
/** @import { Scale } from './scale.js' */

/** @typedef {'threshold' | 'sparsity'} Axis */

/**
 * Where things are in the drawing, in pixels.
 *
 * @typedef {object} Layout
 * @property {Axis} axis
 * @property {number} left
 * @property {number} right
 * @property {number} top
 * @property {number} bottom
 * @property {(threshold: number) => number | null} x - of a τ; null where the axis cannot place it
 * @property {Scale} y - of an F
 */

const MARGIN = { left: 50, right: 14, top: 34, bottom: 26 };
const LABEL_GAP = 44;
/** Pixels from the left that a label must leave to the title in the corner. */
const TITLE_ROOM = 16;

/**
 * @param {readonly CurvePoint[]} points - at least two
 * @param {Axis} axis
 * @param {number} width
 * @param {number} height
 * @returns {Layout}
 */
export function layOut(points, axis, width, height) {
  const left = MARGIN.left;
  const right = width - MARGIN.right;
  const top = MARGIN.top;
  const bottom = height - MARGIN.bottom;
  const first = points[0]?.threshold ?? 1;
  const last = points.at(-1)?.threshold ?? 2;
  const ofThreshold = logScale([first, last], [left, right]);
  const ofSparsity = linearScale([0, 1], [left, right]);
  /** @param {number} threshold */
  function placed(threshold) {
    if (axis === 'threshold') return threshold < first || threshold > last ? null : ofThreshold(threshold);
    const sparsity = valueAt(points, threshold, 'sparsity');
    return sparsity === null ? null : ofSparsity(sparsity);
  }
  const y = linearScale(freeEnergyDomain(points), [bottom, top]);
  return { axis, left, right, top, bottom, x: placed, y };
}

/**
 * Grid, ticks and titles: the chosen axis below, the other one above, F at the left.
 *
 * @param {readonly CurvePoint[]} points
 * @param {Layout} layout
 */
export function drawAxes(points, layout) {
  const { left, right, top, bottom } = layout;
  const group = svg('g', { class: 'axes' });
  for (const value of linearTicks(freeEnergyDomain(points), 5)) {
    const y = layout.y(value);
    group.append(
      svg('line', { class: 'grid', x1: left, x2: right, y1: y, y2: y }),
      svg('text', { class: 'tick', x: left - 7, y: y + 4, 'text-anchor': 'end' }, significant(value)),
    );
  }
  const byThreshold = { name: 'τ', ticks: thresholdTicks(points, layout) };
  const bySparsity = { name: 'β', ticks: sparsityTicks(points, layout) };
  const [below, above] = layout.axis === 'threshold' ? [byThreshold, bySparsity] : [bySparsity, byThreshold];
  for (const { x, label } of below.ticks) {
    group.append(svg('line', { class: 'grid', x1: x, x2: x, y1: top, y2: bottom }));
    if (x - left < TITLE_ROOM) continue;
    group.append(svg('text', { class: 'tick', x, y: bottom + 16, 'text-anchor': 'middle' }, label));
  }
  for (const { x, label } of above.ticks) {
    group.append(svg('line', { class: 'notch', x1: x, x2: x, y1: top - 5, y2: top }));
    if (x - left < TITLE_ROOM) continue;
    group.append(svg('text', { class: 'tick', x, y: top - 9, 'text-anchor': 'middle' }, label));
  }
  group.append(
    svg('line', { class: 'axis', x1: left, x2: right, y1: bottom, y2: bottom }),
    svg('text', { class: 'title', x: left - 7, y: bottom + 16, 'text-anchor': 'end' }, below.name),
    svg('text', { class: 'title', x: left - 7, y: top - 9, 'text-anchor': 'end' }, above.name),
    svg('text', { class: 'title', x: 4, y: (top + bottom) / 2 + 4 }, 'F'),
  );
  return group;
}

/**
 * @param {readonly CurvePoint[]} points
 * @param {Layout} layout
 */
function thresholdTicks(points, layout) {
  const ticks = logTicks([points[0]?.threshold ?? 1, points.at(-1)?.threshold ?? 2]);
  return placedTicks(ticks, layout.x, significant);
}

/**
 * @param {readonly CurvePoint[]} points
 * @param {Layout} layout
 */
function sparsityTicks(points, layout) {
  if (layout.axis === 'sparsity') {
    const x = linearScale([0, 1], [layout.left, layout.right]);
    return placedTicks(linearTicks([0, 1], 5), x, (value) => `${Math.round(value * 100)} %`);
  }
  const ticks = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95];
  return placedTicks(
    ticks,
    (sparsity) => {
      const threshold = thresholdAt(points, sparsity);
      return threshold === null ? null : layout.x(threshold);
    },
    (value) => `${Math.round(value * 100)} %`,
  );
}

/**
 * @param {readonly number[]} ticks
 * @param {(value: number) => number | null} x
 * @param {(value: number) => string} label
 */
function placedTicks(ticks, x, label) {
  const visible = ticks.filter((tick) => x(tick) !== null);
  return thinned(visible, (tick) => x(tick) ?? 0, LABEL_GAP).map((tick) => ({
    x: x(tick) ?? 0,
    label: label(tick),
  }));
}
