// @ts-check
import { dayOf, dayText } from './day.js';
import { byId, setText, svg } from './elements.js';
import { share } from './exposure.js';

/** @import { History } from './api.js' */

const HOURS = 24;
/** Of the plot: exposure above, the state below. */
const EXPOSURE_HEIGHT = 44;
const STATE_HEIGHT = 10;
const GAP = 2;

/** The last day of a model: how much of production was pruned, over the state that the controller was in. */
export function createDayPlot() {
  const drawing = byId('day', SVGSVGElement);
  const words = byId('day-text', HTMLElement);
  const height = EXPOSURE_HEIGHT + GAP + STATE_HEIGHT;
  drawing.setAttribute('viewBox', `0 0 ${HOURS} ${height}`);

  /** @param {History} history */
  return function update(history) {
    const day = dayOf(history);
    const text = dayText(day);
    setText(words, text);
    drawing.setAttribute('aria-label', `Last 24 hours. ${text}`);
    drawing.replaceChildren(
      svg('rect', { class: 'unknown', x: 0, width: HOURS, y: EXPOSURE_HEIGHT + GAP, height: STATE_HEIGHT }),
      ...day.map(({ state, exposure, from, to }) => {
        const [x, width] = [HOURS - from, from - to];
        return svg(
          'g',
          { 'data-state': state },
          svg('rect', { class: 'hit', x, width, y: 0, height }),
          svg('rect', {
            class: 'exposed',
            x,
            width,
            y: EXPOSURE_HEIGHT * (1 - exposure),
            height: EXPOSURE_HEIGHT * exposure,
          }),
          svg('rect', { class: 'state', x, width, y: EXPOSURE_HEIGHT + GAP, height: STATE_HEIGHT }),
          svg('title', {}, `${state}, ${share(exposure)} of production pruned`),
        );
      }),
    );
  };
}
