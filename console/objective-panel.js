// @ts-check
import { byId, setText } from './elements.js';
import { lossText } from './format.js';
import { agreementText, objectiveText, standingOf } from './objective.js';

/** @import { Report } from './api.js' */

/** What pruning costs against what it may cost; then how many answers stay the same. */
export function createObjectivePanel() {
  const box = byId('objective', HTMLElement);
  const mean = byId('loss-mean', HTMLElement);
  const bounds = byId('loss-bounds', HTMLElement);
  const allowed = byId('loss-allowed', HTMLElement);
  const words = byId('objective-text', HTMLElement);
  const same = byId('same-class', HTMLElement);

  /** @param {Report} report */
  return function update(report) {
    const { loss } = report;
    box.dataset.standing = standingOf(report);
    setText(mean, lossText(loss.mean));
    setText(bounds, loss.mean === null ? '' : `${lossText(loss.lower)} … ${lossText(loss.upper)}`);
    setText(allowed, `of ${lossText(loss.allowed)} allowed`);
    setText(words, objectiveText(report));
    setText(same, agreementText(report));
  };
}
