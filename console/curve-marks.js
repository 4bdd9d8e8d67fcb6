// @ts-check
import { valueAt } from './curve-model.js';
import { svg } from './elements.js';
import { percent, significant } from './format.js';
import { pathThrough } from './scale.js';

/** @import { Report } from './api.js' */
/** @import { Layout } from './curve-axes.js' */
/** @import { CurvePoint } from './curve-model.js' */

/** Shapes of 11 pixels around the origin, one per kind of feature. */
const SHAPES = {
  maximum: 'M0-6L6 5H-6Z',
  minimum: 'M0 6L6-5H-6Z',
  inflection: 'M0-6.5L6.5 0L0 6.5L-6.5 0Z',
  pole: 'M-2-6H2V-2H6V2H2V6H-2V2H-6V-2H-2Z',
};

/**
 * F of everything, thin, and F of the continuous part, bold.
 *
 * @param {readonly CurvePoint[]} points
 * @param {Layout} layout
 */
export function drawCurves(points, layout) {
  return svg(
    'g',
    {},
    svg('path', { class: 'raw', d: curvePath(points, layout, 'freeEnergy') }),
    svg('path', { class: 'continuous', d: curvePath(points, layout, 'continuous') }),
  );
}

/**
 * @param {readonly CurvePoint[]} points
 * @param {Layout} layout
 * @param {'freeEnergy' | 'continuous'} quantity
 */
function curvePath(points, layout, quantity) {
  return pathThrough(
    points.map((point) => {
      const x = layout.x(point.threshold);
      const value = point[quantity];
      return x === null || value === null ? null : [x, layout.y(value)];
    }),
  );
}

/**
 * The critical point with its interval, as a band with a line.
 *
 * @param {NonNullable<Report['critical']>} critical
 * @param {Layout} layout
 */
export function drawCritical(critical, layout) {
  const group = svg('g', { class: 'critical' });
  const [low, high] = critical.interval.map((threshold) => layout.x(threshold));
  if (typeof low === 'number' && typeof high === 'number') {
    const width = Math.max(high - low, 3);
    const x = (low + high - width) / 2;
    group.append(
      svg('rect', { class: 'interval', x, width, y: layout.top, height: layout.bottom - layout.top }),
    );
  }
  const x = layout.x(critical.threshold);
  if (x !== null) group.append(svg('line', { x1: x, x2: x, y1: layout.top, y2: layout.bottom }));
  return group;
}

/**
 * A mark on the curve at every feature.
 *
 * @param {Report['features']} features
 * @param {readonly CurvePoint[]} points
 * @param {Layout} layout
 */
export function drawFeatures(features, points, layout) {
  const group = svg('g', { class: 'features' });
  for (const { kind, threshold, sparsity, prominence } of features) {
    const x = layout.x(threshold);
    const value = valueAt(points, threshold, 'continuous') ?? valueAt(points, threshold, 'freeEnergy');
    if (x === null || value === null) continue;
    const text = `${kind} at τ ${significant(threshold)}, β ${percent(sparsity)}, prominence ${percent(prominence)}`;
    group.append(
      svg(
        'path',
        { d: SHAPES[kind], transform: `translate(${x.toFixed(1)} ${layout.y(value).toFixed(1)})` },
        svg('title', {}, text),
      ),
    );
  }
  return group;
}

/**
 * A threshold of the controller as a vertical line; at the edge when the curve does not reach it.
 *
 * @param {number} threshold
 * @param {'applied' | 'trial'} kind
 * @param {readonly CurvePoint[]} points
 * @param {Layout} layout
 */
export function drawThreshold(threshold, kind, points, layout) {
  const inside = layout.x(threshold);
  const isBelow = threshold < (points[0]?.threshold ?? 0);
  const x = inside ?? (isBelow ? layout.left : layout.right);
  const name = kind === 'applied' ? 'in production' : 'candidate';
  const arrow = inside !== null ? '' : isBelow ? '◂ ' : '▸ ';
  const isNearRight = x > layout.right - 110;
  return svg(
    'g',
    { class: kind },
    svg('line', { x1: x, x2: x, y1: layout.top, y2: layout.bottom }),
    svg(
      'text',
      { x: x + (isNearRight ? -6 : 6), y: layout.bottom - 8, 'text-anchor': isNearRight ? 'end' : 'start' },
      `${arrow}${name} τ ${significant(threshold)}`,
    ),
  );
}

/**
 * The label of the critical point, above the curves.
 *
 * @param {NonNullable<Report['critical']>} critical
 * @param {Layout} layout
 */
export function drawCriticalLabel(critical, layout) {
  const x = layout.x(critical.threshold) ?? layout.right;
  const isNearRight = x > layout.right - 150;
  return svg(
    'text',
    {
      class: 'critical-label',
      x: x + (isNearRight ? -6 : 6),
      y: layout.top + 14,
      'text-anchor': isNearRight ? 'end' : 'start',
    },
    `τ* ${significant(critical.threshold)}, β* ${percent(critical.sparsity)}`,
  );
}

/**
 * F as it was measured on pruned runs at the judged threshold: what the curve must meet.
 *
 * @param {number} threshold
 * @param {number} freeEnergy
 * @param {Layout} layout
 */
export function drawMeasured(threshold, freeEnergy, layout) {
  const x = layout.x(threshold);
  const y = layout.y(freeEnergy);
  const group = svg('g', { class: 'measured' });
  if (x === null || y < layout.top - 6 || y > layout.bottom + 6) return group;
  group.append(
    svg('circle', { cx: x, cy: y, r: 5 }, svg('title', {}, `measured F ${significant(freeEnergy)}`)),
  );
  return group;
}

/**
 * The cross-hair at one point of the grid.
 *
 * @param {CurvePoint} point
 * @param {Layout} layout
 */
export function drawCursor(point, layout) {
  const group = svg('g', { class: 'cursor' });
  const x = layout.x(point.threshold);
  if (x === null) return group;
  group.append(svg('line', { x1: x, x2: x, y1: layout.top, y2: layout.bottom }));
  for (const value of [point.freeEnergy, point.continuous]) {
    if (value !== null) group.append(svg('circle', { cx: x, cy: layout.y(value), r: 3.5 }));
  }
  return group;
}
