// @ts-check
import { byId, html } from './elements.js';
import { clock, shorten, significant } from './format.js';

/** @import { Summary } from './api.js' */

const MOST_ENTRIES = 200;

/** The log of state changes, newest first. A change may be told twice, by the stream and by a report: it is kept once. */
export function createEventLog() {
  const list = byId('events', HTMLOListElement);
  /** @type {Set<string>} */
  const known = new Set();

  let latest = '';

  /** @param {Summary} summary */
  function add({ change, mode, state, threshold }) {
    const key = `${change.at} ${change.reason} ${change.detail}`;
    if (key === latest || known.has(key)) return;
    latest = key;
    known.add(key);
    const time = change.at > 0 ? clock(change.at) : 'start';
    list.prepend(
      html(
        'li',
        { 'data-state': state },
        html('time', change.at > 0 ? { datetime: new Date(change.at).toISOString() } : {}, time),
        html('b', { class: 'chip', 'data-state': state }, state),
        html('span', { class: 'reason' }, change.reason),
        html('span', { class: 'detail', title: change.detail }, shorten(change.detail)),
        html(
          'span',
          { class: 'applied' },
          threshold > 0 ? `mode ${mode}, τ ${significant(threshold)}` : `mode ${mode}, dense`,
        ),
      ),
    );
    while (list.childElementCount > MOST_ENTRIES) list.lastElementChild?.remove();
  }

  /** Told when the server was away: it may have been started again, and its first change is then a new one. */
  function lose() {
    known.clear();
  }

  return { add, lose };
}
