// @ts-check
import { html, setText } from './elements.js';
import { csvOf, download } from './export-text.js';
import { UNKNOWN } from './format.js';
import { arranged, nextOrder } from './order.js';

/** @import { Order, Value } from './order.js' */

/**
 * @template T
 * @typedef {object} Column
 * @property {string} name - in exported files
 * @property {string} label - the head of the column
 * @property {string} [title] - what it means
 * @property {(item: T) => Value} value - what is sorted, filtered and exported
 * @property {(item: T) => string} [text] - what is shown; the value as it is without one
 * @property {(item: T) => string} [href] - where the text leads
 */

/**
 * A table that can be sorted by every column, filtered by words and exported as it is shown.
 *
 * @template T
 * @param {HTMLElement} card - has the table, a search field, and a button for each kind of export
 * @param {object} options
 * @param {string} options.table - id of the table
 * @param {readonly Column<T>[]} options.columns - the first one names the row
 * @param {() => string} options.fileName - of exports, without extension
 * @param {(item: T, row: HTMLTableRowElement) => void} [options.decorate]
 */
export function createTableView(card, { table: id, columns, fileName, decorate }) {
  const table = /** @type {HTMLTableElement} */ (card.querySelector(`#${id}`));
  const head = table.createTHead();
  const body = table.tBodies[0] ?? table.createTBody();
  const search = /** @type {HTMLInputElement} */ (card.querySelector('input[type="search"]'));
  const empty = html('p', { class: 'none-fit', role: 'status' });
  const values = columns.map(({ value }) => value);
  /** @type {readonly T[]} */
  let items = [];
  /** @type {Order | null} */
  let order = null;
  /** Rows by the name of what they show. @type {Map<Value, HTMLTableRowElement>} */
  let rows = new Map();

  const heads = columns.map(({ label, title }, column) => {
    const button = html('button', { type: 'button', title }, label);
    button.addEventListener('click', () => {
      order = nextOrder(order, column);
      draw();
    });
    return html('th', { scope: 'col' }, button);
  });
  head.replaceChildren(html('tr', {}, ...heads));
  table.after(empty);
  search.addEventListener('input', draw);
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (
    card.querySelectorAll('button[data-export]')
  )) {
    button.addEventListener('click', () => save(button.dataset.export === 'csv' ? 'csv' : 'json'));
  }

  function shown() {
    return arranged(items, search.value, order, values);
  }

  /** @param {'csv' | 'json'} kind */
  function save(kind) {
    const records = shown().map((item) =>
      Object.fromEntries(columns.map(({ name, value }) => [name, value(item)])),
    );
    const names = columns.map(({ name }) => name);
    if (kind === 'csv') download(`${fileName()}.csv`, 'text/csv', csvOf(names, records));
    else download(`${fileName()}.json`, 'application/json', `${JSON.stringify(records, null, 2)}\n`);
  }

  function draw() {
    for (const [i, cell] of heads.entries()) {
      if (order?.column === i) cell.setAttribute('aria-sort', order.direction);
      else cell.removeAttribute('aria-sort');
    }
    const list = shown();
    const drawn = new Map(list.map((item) => [values[0]?.(item) ?? null, rowOf(item)]));
    const isSame = [...drawn.values()].every((row, i) => row === body.rows[i]);
    if (!isSame || body.rows.length !== drawn.size) place([...drawn.values()]);
    rows = drawn;
    setText(empty, list.length === 0 && items.length > 0 ? 'Nothing fits the filter.' : '');
  }

  /** @param {readonly HTMLTableRowElement[]} list */
  function place(list) {
    const focused = document.activeElement;
    body.replaceChildren(...list);
    if (focused instanceof HTMLElement && body.contains(focused)) focused.focus();
  }

  /** @param {T} item */
  function rowOf(item) {
    const row = rows.get(values[0]?.(item) ?? null) ?? emptyRow();
    for (const [i, { value, text, href }] of columns.entries()) {
      const cell = /** @type {HTMLTableCellElement} */ (row.cells[i]);
      const link = cell.querySelector('a');
      if (href !== undefined) link?.setAttribute('href', href(item));
      setText(link ?? cell, text?.(item) ?? String(value(item) ?? UNKNOWN));
    }
    decorate?.(item, row);
    return row;
  }

  function emptyRow() {
    const row = /** @type {HTMLTableRowElement} */ (html('tr'));
    for (const [i, { href }] of columns.entries()) {
      const cell = i === 0 ? html('th', { scope: 'row' }) : html('td');
      if (href !== undefined) cell.append(html('a'));
      row.append(cell);
    }
    return row;
  }

  /** @param {readonly T[]} latest */
  return function update(latest) {
    items = latest;
    draw();
  };
}
