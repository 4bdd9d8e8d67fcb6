// @ts-check
import { distributionLines, distributionsText, drawingOf } from './distributions.js';
import { byId, html, setText, svg } from './elements.js';
import { ago, significant } from './format.js';

/** @import { Activations } from './api.js' */
/** @import { SiteActivations } from './distributions.js' */

/** Left of the drawing, where nothing is seen. */
const OUTSIDE = -10;

/**
 * How activations are distributed at every site, now over the reference. The drawings say nothing that the words below them do not,
 * so they are hidden from assistive technology.
 */
export function createDistributionPanel() {
  const note = byId('distributions-note', HTMLElement);
  const grid = byId('distributions', HTMLElement);
  /** @type {ReturnType<typeof createPlot>[]} */
  let plots = [];

  /**
   * @param {Activations | null} activations - null: another model is shown, of which nothing is known yet
   * @param {number} now - Unix ms of the server's clock
   */
  return function update(activations, now) {
    const sites = activations?.sites ?? [];
    setText(note, activations === null ? '' : distributionsText(activations, (at) => ago(at, now)));
    if (plots.length !== sites.length) {
      plots = sites.map(createPlot);
      grid.replaceChildren(...plots.map(({ figure }) => figure));
    }
    for (const [i, site] of sites.entries()) plots[i]?.show(site, activations?.threshold ?? null);
  };
}

function createPlot() {
  const name = html('figcaption');
  const reference = svg('path', { class: 'reference' });
  const current = svg('path', { class: 'current' });
  const threshold = svg('line', { class: 'threshold', y1: 0, y2: 100 });
  const low = html('span');
  const high = html('span');
  const words = html('p', { class: 'words' });
  const drawing = svg(
    'svg',
    { viewBox: '0 0 100 100', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    reference,
    threshold,
    current,
  );
  const figure = html(
    'figure',
    {},
    name,
    drawing,
    html('p', { class: 'day-axis', 'aria-hidden': 'true' }, low, high),
    words,
  );

  /** @param {SiteActivations} site @param {number | null} tau */
  function show(site, tau) {
    const { current: line, reference: area, threshold: at, ends } = drawingOf(site, tau);
    setText(name, site.name);
    current.setAttribute('d', line);
    reference.setAttribute('d', area);
    for (const end of ['x1', 'x2']) threshold.setAttribute(end, String(at ?? OUTSIDE));
    setText(low, ends === null ? '' : significant(ends[0]));
    setText(high, ends === null ? '' : significant(ends[1]));
    // A number and its unit stay together.
    setText(words, distributionLines(site).join(' · ').replaceAll(' %', '\u00a0%'));
  }

  return { figure, show };
}
