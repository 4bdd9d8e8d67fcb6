// @ts-check
import { byId, html, setText } from './elements.js';
import { answersText } from './exposure.js';
import { decimal, percent, significant } from './format.js';

/** @import { Report } from './api.js' */

/**
 * Keeps a table's rows in step with a list; a cell that did not change is left alone.
 *
 * @template T
 * @param {HTMLTableSectionElement} body
 * @param {readonly T[]} items
 * @param {(item: T) => readonly string[]} cells - the first one names the row
 */
function fillRows(body, items, cells) {
  while (body.rows.length > items.length) body.deleteRow(-1);
  for (const [i, item] of items.entries()) {
    const texts = cells(item);
    const row = body.rows[i] ?? body.appendChild(emptyRow(texts.length));
    for (const [j, text] of texts.entries()) {
      const cell = row.cells[j];
      if (cell !== undefined) setText(cell, text);
    }
  }
}

/** @param {number} width */
function emptyRow(width) {
  const row = html('tr', {}, html('th', { scope: 'row' }));
  for (let i = 1; i < width; i++) row.append(html('td'));
  return row;
}

/** Per site: its threshold and what the gate does there. */
export function createSiteTable() {
  const body = byId('sites', HTMLTableElement).tBodies[0];
  const skippedBody = byId('skipped', HTMLTableElement).tBodies[0];
  const skipped = byId('skipped-details', HTMLDetailsElement);
  const skippedSummary = byId('skipped-summary', HTMLElement);
  const sitesNote = byId('sites-note', HTMLElement);

  /** @param {Report} report */
  return function update(report) {
    if (body === undefined || skippedBody === undefined) return;
    fillRows(body, report.sites, ({ name, op, sparsity, zeroRatio }) => [
      name,
      op,
      significant(report.thresholds[name]),
      percent(sparsity),
      percent(zeroRatio),
      sparsity === null || zeroRatio === null ? '–' : percent(zeroRatio + (1 - zeroRatio) * sparsity),
    ]);
    setText(sitesNote, sitesNoteOf(report));
    skipped.hidden = report.skipped.length === 0;
    setText(skippedSummary, `${report.skipped.length} without a gate, and why`);
    fillRows(skippedBody, report.skipped, ({ name, op, reason }) => [name, op, reason]);
  };
}

/** @param {Report} report */
function sitesNoteOf(report) {
  const { sites, judgedThreshold, candidateSparsity } = report;
  if (sites.length === 0) return 'This model has no site that can be gated.';
  if (candidateSparsity === null) return 'β is measured as soon as a threshold is applied or tried.';
  return `β is measured on sampled requests at τ ${significant(judgedThreshold)}. ${answersText(report)}`;
}

/** Every significant feature of F; the first one that is no pole is the critical point. */
export function createFeatureTable() {
  const table = byId('features', HTMLTableElement);
  const body = table.tBodies[0];

  /** @param {Report} report */
  return function update({ features }) {
    table.hidden = features.length === 0;
    if (body === undefined) return;
    fillRows(body, features, ({ kind, threshold, sparsity, prominence, interval }) => [
      kind,
      significant(threshold),
      percent(sparsity),
      decimal(prominence, 2),
      interval.map(significant).join(' … '),
    ]);
  };
}
