// @ts-check

/** @typedef {Readonly<Record<string, string | number | null>>} Row */

/**
 * Rows as CSV (RFC 4180): a line of names, then a line each; nothing where a value is not known.
 *
 * @param {readonly string[]} names
 * @param {readonly Row[]} rows
 */
export function csvOf(names, rows) {
  const lines = [names, ...rows.map((row) => names.map((name) => row[name] ?? null))];
  return lines.map((line) => `${line.map(field).join(',')}\r\n`).join('');
}

/** @param {string | number | null} value */
function field(value) {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  // A spreadsheet would run a text that begins like a formula.
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Hands a text to the browser as a file.
 *
 * @param {string} name
 * @param {string} type - media type
 * @param {string} text
 */
export function download(name, type, text) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  // The browser reads the file after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
