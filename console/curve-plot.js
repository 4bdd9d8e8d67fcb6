// @ts-check
import { drawAxes, layOut } from './curve-axes.js';
import {
  drawCritical,
  drawCriticalLabel,
  drawCursor,
  drawCurves,
  drawFeatures,
  drawMeasured,
  drawThreshold,
} from './curve-marks.js';
import { curvePoints } from './curve-model.js';
import { decimal, percent, significant } from './format.js';

/** @import { Report } from './api.js' */
/** @import { Axis, Layout } from './curve-axes.js' */
/** @import { CurvePoint } from './curve-model.js' */

/**
 * The plot of F(τ): drawn anew at every update, with a cursor that pointer and arrow keys move along the grid.
 *
 * @param {HTMLElement} box - a slider for those who use it by keyboard or ear; holds the drawing, and gives its size
 * @param {(point: CurvePoint | null) => void} onCursor - hears where the cursor is
 */
export function createCurvePlot(box, onCursor) {
  const drawing = /** @type {SVGSVGElement} */ (box.querySelector('svg'));
  /** @type {Report | null} */
  let report = null;
  /** @type {number | null} */
  let measured = null;
  /** @type {readonly CurvePoint[]} */
  let points = [];
  /** @type {Axis} */
  let axis = 'threshold';
  /** @type {number | null} */
  let cursor = null;
  /** @type {Layout | null} */
  let layout = null;

  function draw() {
    const { clientWidth: width, clientHeight: height } = drawing;
    if (report === null || points.length < 2 || width === 0) {
      drawing.replaceChildren();
      layout = null;
      return;
    }
    drawing.setAttribute('viewBox', `0 0 ${width} ${height}`);
    layout = layOut(points, axis, width, height);
    const { critical, features, threshold, candidate, judgedThreshold } = report;
    const marks = [drawAxes(points, layout)];
    if (critical !== null) marks.push(drawCritical(critical, layout));
    if (threshold > 0) marks.push(drawThreshold(threshold, 'applied', points, layout));
    if (candidate !== null && candidate > 0 && candidate !== threshold)
      marks.push(drawThreshold(candidate, 'trial', points, layout));
    marks.push(drawCurves(points, layout), drawFeatures(features, points, layout));
    if (measured !== null) marks.push(drawMeasured(judgedThreshold, measured, layout));
    const point = cursor === null ? undefined : points[cursor];
    if (point !== undefined) marks.push(drawCursor(point, layout));
    drawing.replaceChildren(...marks, ...(critical === null ? [] : [drawCriticalLabel(critical, layout)]));
  }

  /** @param {number | null} index */
  function moveCursor(index) {
    cursor = index === null ? null : Math.max(0, Math.min(points.length - 1, index));
    const point = cursor === null ? null : (points[cursor] ?? null);
    describe(point);
    onCursor(point);
    draw();
  }

  /** @param {CurvePoint | null} point */
  function describe(point) {
    box.setAttribute('aria-valuemax', String(Math.max(0, points.length - 1)));
    box.setAttribute('aria-valuenow', String(cursor ?? 0));
    box.setAttribute('aria-valuetext', point === null ? 'no point chosen' : cursorText(point));
  }

  /** @param {PointerEvent} event */
  function nearest(event) {
    if (layout === null) return null;
    const at = event.clientX - drawing.getBoundingClientRect().left;
    let best = 0;
    let least = Number.POSITIVE_INFINITY;
    for (const [i, point] of points.entries()) {
      const distance = Math.abs((layout.x(point.threshold) ?? Number.NEGATIVE_INFINITY) - at);
      if (distance < least) [best, least] = [i, distance];
    }
    return best;
  }

  box.addEventListener('pointermove', (event) => moveCursor(nearest(event)));
  box.addEventListener('pointerdown', (event) => moveCursor(nearest(event)));
  box.addEventListener('keydown', (event) => {
    const to = keyTarget(event.key, cursor, points.length);
    if (to === undefined) return;
    event.preventDefault();
    moveCursor(to);
  });
  new ResizeObserver(draw).observe(box);

  return {
    /**
     * @param {Report} latest
     * @param {number | null} measuredFreeEnergy - at the judged threshold
     */
    update(latest, measuredFreeEnergy) {
      report = latest;
      measured = measuredFreeEnergy;
      points = curvePoints(latest.curve);
      if (cursor !== null) moveCursor(cursor);
      else draw();
    },
    /** @param {Axis} chosen */
    setAxis(chosen) {
      axis = chosen;
      draw();
    },
  };
}

/** @param {CurvePoint} point */
export function cursorText({ threshold, sparsity, freeEnergy, continuous }) {
  return `τ ${significant(threshold)}, β ${percent(sparsity)}, F ${decimal(freeEnergy, 3)}, summed over sites ${decimal(continuous, 3)}`;
}

/**
 * Where a key leads the cursor; undefined when the key is not the plot's.
 *
 * @param {string} key
 * @param {number | null} index
 * @param {number} count
 * @returns {number | null | undefined}
 */
function keyTarget(key, index, count) {
  const from = index ?? Math.floor(count / 2);
  switch (key) {
    case 'ArrowLeft':
    case 'ArrowDown':
      return from - 1;
    case 'ArrowRight':
    case 'ArrowUp':
      return from + 1;
    case 'PageDown':
      return from - 10;
    case 'PageUp':
      return from + 10;
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    case 'Escape':
      return null;
    default:
      return undefined;
  }
}
