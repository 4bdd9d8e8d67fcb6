// @ts-check
import { html, setText, svg } from './elements.js';
import {
  drawBand,
  drawChanges,
  drawClock,
  drawLine,
  drawMoment,
  drawSeriesAxes,
  drawSpan,
  layOutSeries,
} from './series-marks.js';

/** @import { Frame } from './frames.js' */
/** @import { SeriesLayout } from './series-marks.js' */
/** @import { Series } from './series.js' */

/** Pixels below which there is no room to draw, as while the page is laid out. */
const LEAST_WIDTH = 100;

/**
 * A tile with one live series: the figure of now, or of the moment under the pointer, above its course.
 *
 * @param {Series} series
 * @param {(at: number | null) => void} onHover - hears the moment under the pointer
 */
export function createSeriesPlot(series, onHover) {
  const title = html('h3', {}, series.title);
  const figure = html('span', { class: 'value' });
  const label = `${series.title}: nothing is known yet`;
  const drawing = svg('svg', { class: 'plot', role: 'img', 'aria-label': label });
  const keys = series.lines.map(({ label, look }) => {
    const value = html('b');
    return { item: html('span', { class: `key ${look}` }, `${label} `, value), value };
  });
  const note = html('span');
  const tile = html(
    'article',
    { class: 'tile', id: `series-${series.id}` },
    title,
    figure,
    html('div', { class: 'plot-box' }, drawing),
    html('p', { class: 'legend' }, ...keys.map(({ item }) => item), note),
  );

  /** @type {SeriesLayout | null} */
  let layout = null;
  /** @type {readonly Frame[]} */
  let frames = [];
  drawing.addEventListener('pointermove', (event) => {
    if (layout === null) return;
    const { x } = layout;
    const at = event.clientX - drawing.getBoundingClientRect().left;
    onHover(nearest(frames, (frame) => Math.abs(x(frame.at) - at))?.at ?? null);
  });
  drawing.addEventListener('pointerleave', () => onHover(null));

  /**
   * @param {readonly Frame[]} latest
   * @param {number | null} hovered - a frame's time
   */
  function update(latest, hovered) {
    frames = latest;
    const atHover = hovered === null ? undefined : frames.find(({ at }) => at === hovered);
    const shown = atHover ?? frames.at(-1);
    if (shown === undefined) return;
    setText(figure, series.format(series.lines[0]?.of(shown) ?? null));
    if (series.titleOf !== undefined) setText(title, series.titleOf(shown));
    tile.classList.toggle('alarming', series.isAlarming?.(shown) ?? false);
    for (const [i, { of }] of series.lines.entries()) {
      const key = keys[i];
      if (key === undefined) continue;
      setText(key.value, series.format(of(shown)));
      key.item.hidden = of(shown) === null && i > 0;
    }
    setText(note, series.note?.(shown) ?? '');
    layout = draw(drawing, series, frames, atHover);
  }

  return { tile, update };
}

/**
 * @param {SVGSVGElement} drawing
 * @param {Series} series
 * @param {readonly Frame[]} frames
 * @param {Frame | undefined} hovered
 */
function draw(drawing, series, frames, hovered) {
  const { clientWidth: width, clientHeight: height } = drawing;
  if (width < LEAST_WIDTH) return null;
  const layout = layOutSeries(series, frames, width, height);
  const { left, right, top, bottom } = layout;
  const clip = `clip-${series.id}`;
  const lines = series.lines.filter(({ isSilentAtZero, of }) => isSilentAtZero !== true || frames.some(of));
  drawing.setAttribute('viewBox', `0 0 ${width} ${height}`);
  drawing.setAttribute('aria-label', summary(series, frames));
  drawing.replaceChildren(
    svg(
      'clipPath',
      { id: clip },
      svg('rect', { x: left - 2, width: right - left + 4, y: top - 3, height: bottom - top + 6 }),
    ),
    ...drawSeriesAxes(series, layout),
    ...(hovered === undefined ? drawSpan(frames, layout) : [drawClock(hovered, layout)]),
    ...drawChanges(frames, layout),
    svg(
      'g',
      { 'clip-path': `url(#${clip})` },
      ...(series.band === undefined ? [] : [drawBand(series.band, frames, layout)]),
      ...lines.toReversed().map((line) => drawLine(line, frames, layout)),
      ...(hovered === undefined ? [] : drawMoment(hovered, lines, layout)),
    ),
  );
  return layout;
}

/**
 * The course in words, for those who do not see it.
 *
 * @param {Series} series
 * @param {readonly Frame[]} frames
 */
function summary(series, frames) {
  const parts = series.lines.flatMap((line) => {
    const known = frames.map(line.of).filter((value) => value !== null);
    const last = known.at(-1);
    if (last === undefined) return [];
    const [low, high] = [Math.min(...known), Math.max(...known)].map(series.format);
    return [`${line.label} ${series.format(last)}, between ${low} and ${high}`];
  });
  return parts.length === 0 ? `${series.title}: nothing known yet` : `${series.title}: ${parts.join('; ')}`;
}

/**
 * @param {readonly Frame[]} frames
 * @param {(frame: Frame) => number} distance
 */
function nearest(frames, distance) {
  /** @type {Frame | undefined} */
  let best;
  for (const frame of frames) if (best === undefined || distance(frame) < distance(best)) best = frame;
  return best;
}
