// @ts-check

import { byId, html } from './elements.js';
import { share } from './exposure.js';
import { clock, shorten, significant } from './format.js';

/** @import { PastChange } from './api.js' */

/** The log of state changes as the server remembers them, newest first. */
export function createEventLog() {
  const list = byId('events', HTMLOListElement);
  let shown = '';

  /** @param {readonly PastChange[]} changes - oldest first */
  return function update(changes) {
    const key = JSON.stringify(changes);
    if (key === shown) return;
    shown = key;
    list.replaceChildren(...changes.toReversed().map(entry));
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
    html('span', { class: 'reason' }, reason),
    html('span', { class: 'detail', title: detail }, shorten(detail)),
    html('span', { class: 'applied' }, applied),
  );
}
