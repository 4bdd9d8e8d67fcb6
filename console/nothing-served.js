// @ts-check
import { byId, html, setText } from './elements.js';

/** @import { IndexEntry } from './api.js' */

/**
 * Says that no model is served, what to do about it, and what the server says of those that are there.
 *
 * @param {readonly IndexEntry[] | null} index - every model, none of which answers; null: some model does
 */
export function showNothingServed(index) {
  byId('nothing-served', HTMLElement).hidden = index === null;
  if (index === null) return;
  const isEmpty = index.length === 0;
  setText(
    byId('nothing-why', HTMLElement),
    isEmpty
      ? 'The server is up, and its repository is empty.'
      : 'The server is up, and none of its models answers.',
  );
  byId('put-one', HTMLElement).hidden = !isEmpty;
  const table = byId('unserved', HTMLTableElement);
  table.hidden = isEmpty;
  table.tBodies[0]?.replaceChildren(
    ...index.map(({ name, version, state, reason }) =>
      html(
        'tr',
        {},
        html('th', { scope: 'row' }, name),
        html('td', {}, version ?? '–'),
        html('td', {}, state),
        html('td', {}, reason || '–'),
      ),
    ),
  );
}
