// @ts-check
import { svg } from './elements.js';
import { clock } from './format.js';
import { LATE_MS, timeDomain } from './frames.js';
import { linearScale, pathThrough } from './scale.js';

/** @import { Frame } from './frames.js' */
/** @import { Scale } from './scale.js' */
/** @import { Line, Series } from './series.js' */

/**
 * Where things are in a live plot, in pixels.
 *
 * @typedef {object} SeriesLayout
 * @property {Scale} x - of a time
 * @property {Scale} y
 * @property {readonly [number, number]} domain - of y
 * @property {number} left
 * @property {number} right
 * @property {number} top
 * @property {number} bottom
 */

const CLOCK_WIDTH = 52;
const MARGIN = { left: 46, right: 4, top: 10, bottom: 16 };

/**
 * @param {Series} series
 * @param {readonly Frame[]} frames
 * @param {number} width
 * @param {number} height
 * @returns {SeriesLayout}
 */
export function layOutSeries(series, frames, width, height) {
  const left = MARGIN.left;
  const right = width - MARGIN.right;
  const top = MARGIN.top;
  const bottom = height - MARGIN.bottom;
  const values = series.lines.flatMap(({ of }) => frames.map(of)).filter((value) => value !== null);
  const [low, high] = values.length === 0 ? [0, 0] : [Math.min(...values), Math.max(...values)];
  const domain = series.domain(low, high, frames);
  const x = linearScale(timeDomain(frames), [left, right]);
  const y = linearScale(domain, [bottom, top]);
  return { x, y, domain, left, right, top, bottom };
}

/**
 * The frame, with the lowest and the highest value at the left.
 *
 * @param {Series} series
 * @param {SeriesLayout} layout
 */
export function drawSeriesAxes(series, { domain, left, right, top, bottom }) {
  const format = series.tick ?? series.format;
  const [low, high] = domain;
  const at = { class: 'tick', x: left - 6, 'text-anchor': 'end' };
  return [
    svg('line', { class: 'grid', x1: left, x2: right, y1: top, y2: top }),
    svg('line', { class: 'axis', x1: left, x2: right, y1: bottom, y2: bottom }),
    svg('text', { ...at, y: top + 4 }, format(high)),
    svg('text', { ...at, y: bottom + 1 }, format(low)),
  ];
}

/**
 * The time that is shown, below.
 *
 * @param {readonly Frame[]} frames
 * @param {SeriesLayout} layout
 */
export function drawSpan(frames, { left, right, bottom }) {
  const [start, end] = timeDomain(frames);
  const seconds = Math.round((end - start) / 1000);
  const span = seconds < 100 ? `−${seconds} s` : `−${Math.round(seconds / 60)} min`;
  return [
    svg('text', { class: 'tick', x: left, y: bottom + 13 }, span),
    svg('text', { class: 'tick', x: right, y: bottom + 13, 'text-anchor': 'end' }, 'now'),
  ];
}

/**
 * The time of day of one moment, below, in place of the span.
 *
 * @param {Frame} frame
 * @param {SeriesLayout} layout
 */
export function drawClock({ at }, { x, left, right, bottom }) {
  const middle = Math.max(left + CLOCK_WIDTH / 2, Math.min(right - CLOCK_WIDTH / 2, x(at)));
  return svg('text', { class: 'tick', x: middle, y: bottom + 13, 'text-anchor': 'middle' }, clock(at));
}

/**
 * A line through the frames, broken where the value is not known or nothing was heard.
 *
 * @param {Line} line
 * @param {readonly Frame[]} frames
 * @param {SeriesLayout} layout
 */
export function drawLine({ look, of }, frames, { x, y }) {
  /** @type {([number, number] | null)[]} */
  const points = [];
  for (const [i, frame] of frames.entries()) {
    if (isAfterGap(frames, i)) points.push(null);
    const value = of(frame);
    points.push(value === null ? null : [x(frame.at), y(value)]);
  }
  return svg('path', { class: `line ${look}`, d: pathThrough(points) });
}

/**
 * The room between two quantities.
 *
 * @param {NonNullable<Series['band']>} band
 * @param {readonly Frame[]} frames
 * @param {SeriesLayout} layout
 */
export function drawBand([low, high], frames, { x, y }) {
  let d = '';
  for (const [i, frame] of frames.entries()) {
    const before = frames[i - 1];
    if (before === undefined || isAfterGap(frames, i)) continue;
    const corners = [
      [before, low(before)],
      [before, high(before)],
      [frame, high(frame)],
      [frame, low(frame)],
    ];
    d += cornersPath(/** @type {[Frame, number | null][]} */ (corners), x, y);
  }
  return svg('path', { class: 'band', d });
}

/**
 * @param {readonly [Frame, number | null][]} corners
 * @param {Scale} x
 * @param {Scale} y
 */
function cornersPath(corners, x, y) {
  const points = corners.map(([frame, value]) =>
    value === null ? null : `${x(frame.at).toFixed(1)},${y(value).toFixed(1)}`,
  );
  return points.includes(null) ? '' : `M${points.join('L')}Z`;
}

/**
 * A vertical line wherever the state changed.
 *
 * @param {readonly Frame[]} frames
 * @param {SeriesLayout} layout
 */
export function drawChanges(frames, { x, top, bottom }) {
  return frames
    .filter(({ isChange }) => isChange)
    .map(({ at, state }) =>
      svg('line', { class: 'change', 'data-state': state, x1: x(at), x2: x(at), y1: top, y2: bottom }),
    );
}

/**
 * The cross-hair at one moment.
 *
 * @param {Frame} frame
 * @param {readonly Line[]} lines
 * @param {SeriesLayout} layout
 */
export function drawMoment(frame, lines, { x, y, top, bottom }) {
  const at = x(frame.at);
  const dots = lines.flatMap(({ of, look }) => {
    const value = of(frame);
    return value === null ? [] : [svg('circle', { class: `dot ${look}`, cx: at, cy: y(value), r: 3 })];
  });
  return [svg('line', { class: 'cursor', x1: at, x2: at, y1: top, y2: bottom }), ...dots];
}

/**
 * @param {readonly Frame[]} frames
 * @param {number} i
 */
function isAfterGap(frames, i) {
  const frame = frames[i];
  const before = frames[i - 1];
  return frame !== undefined && before !== undefined && frame.at - before.at > LATE_MS;
}
