// @ts-check
import { byId, html, setText } from './elements.js';
import { answersText, exposureTexts, STAGES, share } from './exposure.js';
import { etaText } from './state-panel.js';

/** @import { Report } from './api.js' */

/** How far the candidate has come: a step per stage of the ramp, those that it has reached filled. */
export function createExposureBar() {
  const box = byId('exposure', HTMLElement);
  const bar = byId('stages', HTMLElement);
  const figure = byId('exposure-figure', HTMLElement);
  const candidate = byId('exposure-candidate', HTMLElement);
  const rest = byId('exposure-rest', HTMLElement);
  const next = byId('next-stage', HTMLElement);
  const steps = STAGES.map((stage) => html('span', {}, share(stage)));
  bar.replaceChildren(...steps);

  /** @param {Report} report */
  return function update(report) {
    const { exposure, production } = report;
    box.dataset.rest = production.rest > 0 ? 'pruned' : 'dense';
    bar.setAttribute('aria-label', answersText(report));
    for (const [i, step] of steps.entries()) {
      const stage = /** @type {number} */ (STAGES[i]);
      step.classList.toggle('reached', exposure >= stage);
      step.classList.toggle('current', exposure === stage);
    }
    setText(figure, share(exposure));
    const texts = exposureTexts(report);
    setText(candidate, texts.candidate);
    setText(rest, texts.rest);
    const eta = etaText(report);
    setText(next, eta === null ? '' : `next: ${eta}`);
  };
}
