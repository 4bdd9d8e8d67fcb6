// @ts-check

import { reasonText } from './change-words.js';
import { byId, html } from './elements.js';
import { csvOf, download } from './export-text.js';
import { share } from './exposure.js';
import { clock, shorten, significant } from './format.js';

/** @import { PastChange } from './api.js' */

/** The log of state changes as the server remembers them, newest first; exported as it is shown. */
export function createEventLog() {
  const list = byId('events', HTMLOListElement);
  let shown = '';
  let name = '';
  /** @type {readonly PastChange[]} */
  let latest = [];

  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (
    byId('event-card', HTMLElement).querySelectorAll('button[data-export]')
  )) {
    button.addEventListener('click', () => {
      const records = latest.map(record);
      if (button.dataset.export === 'csv') download(`${name}.csv`, 'text/csv', csvOf(NAMES, records));
      else download(`${name}.json`, 'application/json', `${JSON.stringify(records, null, 2)}\n`);
    });
  }

  /**
   * @param {readonly PastChange[]} changes - oldest first
   * @param {string} model
   */
  return function update(changes, model) {
    name = `${model}-changes`;
    const key = JSON.stringify(changes);
    if (key === shown) return;
    shown = key;
    latest = changes.toReversed();
    list.replaceChildren(...latest.map(entry));
  };
}

/** @param {PastChange} change */
function entry({ at, state, reason, detail, threshold, exposure }) {
  const applied = exposure > 0 ? `τ ${significant(threshold)}, ${share(exposure)} of production` : 'dense';
  return html(
    'li',
    { 'data-state': state },
    html('time', { datetime: new Date(at).toISOString(), title: new Date(at).toLocaleString() }, clock(at)),
    html('b', { class: 'chip', 'data-state': state }, state),
    html('span', { class: 'reason' }, reasonText(reason)),
    html('span', { class: 'detail', title: detail }, shorten(detail)),
    html('span', { class: 'applied' }, applied),
  );
}

const NAMES = ['at', 'state', 'reason', 'detail', 'threshold', 'exposure', 'candidate'];

/** @param {PastChange} change */
function record({ at, state, reason, detail, threshold, exposure, candidate }) {
  return { at: new Date(at).toISOString(), state, reason, detail, threshold, exposure, candidate };
}
