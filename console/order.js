// @ts-check

/** @typedef {string | number | null} Value */
/** @typedef {{ readonly column: number, readonly direction: 'ascending' | 'descending' }} Order */

/**
 * The next order when a column's head is pressed: ascending, descending, then as the server tells.
 *
 * @param {Order | null} order
 * @param {number} column
 * @returns {Order | null}
 */
export function nextOrder(order, column) {
  if (order?.column !== column) return { column, direction: 'ascending' };
  return order.direction === 'ascending' ? { column, direction: 'descending' } : null;
}

/**
 * The items whose words hold every word of the filter, in order. Unknown values come last in either direction.
 *
 * @template T
 * @param {readonly T[]} items
 * @param {string} filter
 * @param {Order | null} order
 * @param {readonly ((item: T) => Value)[]} values - of each column
 * @returns {T[]}
 */
export function arranged(items, filter, order, values) {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const kept = items.filter((item) => {
    const texts = values.map((value) => value(item)).filter((value) => typeof value === 'string');
    const text = texts.join(' ').toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const value = order === null ? undefined : values[order.column];
  if (value === undefined) return kept;
  const sign = order?.direction === 'descending' ? -1 : 1;
  return kept.sort((one, other) => {
    const [a, b] = [value(one), value(other)];
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    return sign * compare(a, b);
  });
}

/**
 * @param {string | number} a
 * @param {string | number} b
 */
function compare(a, b) {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), 'en', { numeric: true });
}
