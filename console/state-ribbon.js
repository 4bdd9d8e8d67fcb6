// @ts-check
import { svg } from './elements.js';
import { LATE_MS, timeDomain } from './frames.js';
import { linearScale } from './scale.js';

/** @import { Frame } from './frames.js' */

const HEIGHT = 10;

/** @typedef {{ state: string, from: number, to: number }} Stretch */

/**
 * Times in which the state stayed the same, without the times in which nothing was heard.
 *
 * @param {readonly Frame[]} frames
 * @returns {Stretch[]}
 */
export function stretches(frames) {
  /** @type {Stretch[]} */
  const found = [];
  for (const { at, state } of frames) {
    const last = found.at(-1);
    const isLate = last !== undefined && at - last.to > LATE_MS;
    if (last !== undefined && !isLate) last.to = at;
    if (last === undefined || isLate || last.state !== state) found.push({ state, from: at, to: at });
  }
  return found;
}

/**
 * Draws which state the controller was in, as a ribbon over the same time as the live series.
 *
 * @param {SVGSVGElement} drawing
 * @param {readonly Frame[]} frames
 */
export function drawRibbon(drawing, frames) {
  const width = drawing.clientWidth;
  const found = stretches(frames);
  if (width === 0 || found.length === 0) return;
  const x = linearScale(timeDomain(frames), [0, width]);
  drawing.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
  drawing.setAttribute('aria-label', `States in this time: ${found.map(({ state }) => state).join(', ')}`);
  drawing.replaceChildren(
    ...found.map(({ state, from, to }) =>
      svg(
        'rect',
        { 'data-state': state, x: x(from), width: Math.max(2, x(to) - x(from)), y: 0, height: HEIGHT },
        svg('title', {}, state),
      ),
    ),
  );
}
