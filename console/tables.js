// @ts-check
import { byId, html, setText } from './elements.js';
import { answersText } from './exposure.js';
import { decimal, percent, significant } from './format.js';
import { createTableView } from './table-view.js';

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

/** @typedef {Report['sites'][number] & { readonly threshold: number | null, readonly zeroAfter: number | null }} Site */

/** @type {readonly import('./table-view.js').Column<Site>[]} */
const SITE_COLUMNS = [
  { name: 'site', label: 'Site', value: ({ name }) => name },
  { name: 'op', label: 'Op', value: ({ op }) => op },
  {
    name: 'threshold',
    label: 'τ',
    value: ({ threshold }) => threshold,
    text: ({ threshold }) => significant(threshold),
  },
  {
    name: 'sparsity',
    label: 'β',
    title: 'Share of the nonzero activations that the gate zeroes',
    value: ({ sparsity }) => sparsity,
    text: ({ sparsity }) => percent(sparsity),
  },
  {
    name: 'zero_before',
    label: 'Zero before',
    title: 'Share of activations that are exactly zero before the gate',
    value: ({ zeroRatio }) => zeroRatio,
    text: ({ zeroRatio }) => percent(zeroRatio),
  },
  {
    name: 'zero_after',
    label: 'Zero after',
    title: 'Share of activations that are zero after the gate',
    value: ({ zeroAfter }) => zeroAfter,
    text: ({ zeroAfter }) => percent(zeroAfter),
  },
];

/** Per site: its threshold and what the gate does there. */
export function createSiteTable() {
  const skippedBody = byId('skipped', HTMLTableElement).tBodies[0];
  const skipped = byId('skipped-details', HTMLDetailsElement);
  const skippedSummary = byId('skipped-summary', HTMLElement);
  const sitesNote = byId('sites-note', HTMLElement);
  let model = '';
  const showSites = createTableView(byId('site-card', HTMLElement), {
    table: 'sites',
    columns: SITE_COLUMNS,
    fileName: () => `${model}-sites`,
  });

  /** @param {Report} report */
  return function update(report) {
    model = report.model;
    showSites(report.sites.map((site) => withThreshold(site, report.thresholds)));
    setText(sitesNote, sitesNoteOf(report));
    skipped.hidden = report.skipped.length === 0;
    setText(skippedSummary, `${report.skipped.length} without a gate, and why`);
    if (skippedBody !== undefined)
      fillRows(skippedBody, report.skipped, ({ name, op, reason }) => [name, op, reason]);
  };
}

/**
 * @param {Report['sites'][number]} site
 * @param {Report['thresholds']} thresholds
 * @returns {Site}
 */
function withThreshold(site, thresholds) {
  const { sparsity, zeroRatio } = site;
  const isKnown = sparsity !== null && zeroRatio !== null;
  return {
    ...site,
    threshold: thresholds[site.name] ?? null,
    zeroAfter: isKnown ? zeroRatio + (1 - zeroRatio) * sparsity : null,
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
