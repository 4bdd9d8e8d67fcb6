// Figures as SVG files of their own: one per row, and one over all rows.
import { panels } from '../../../dist/tools/analyze/panels.js';
import { escapeText, PLOT_SIZE, plotSvg } from '../../../dist/tools/analyze/plot.js';
import { PLOT_STYLE } from '../../../dist/tools/analyze/report-style.js';
import { present } from '../../present.mjs';
import { choiceOf, RULE } from './verdicts.mjs';

/**
 * @typedef {import('./row.ts').Row} Row
 * @typedef {import('../../../dist/tools/analyze/plot.js').Series} Series
 */

const STYLE = `${PLOT_STYLE}
.card { fill: var(--card); stroke: var(--faint); }
.line.oracle { stroke: var(--green); stroke-width: 1.5; stroke-dasharray: 6 3; }
.line.collapse { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 2 2; }
text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: var(--ink); }
text.soft { fill: var(--soft); } text.end { text-anchor: end; }
.rail { stroke: var(--faint); } .harvest { stroke: var(--green); stroke-width: 5; opacity: 0.35; }
.past { stroke: var(--ink); stroke-width: 1.5; } .choice { fill: var(--red); } .none { fill: none; stroke: var(--red); stroke-width: 1.5; }
.other { fill: var(--blue); }`;
const GAP = 12;
const HEAD = 26;

/** Accuracy, F and dF/dτ of a row against β. @param {Row} row */
export function rowFigure(row) {
  const [accuracy, ...plots] = panels(asAnalysis(row)).slice(3);
  const { series, ...frame } = present(accuracy);
  const limits = [upright('oracle', row.oracle.sparsity)];
  if (row.collapse !== null) limits.push(upright('collapse', row.collapse.sparsity));
  const shown = [{ ...frame, series: [...limits, ...series] }, ...plots];
  const width = shown.length * (PLOT_SIZE.width + GAP) - GAP;
  const body = shown.map((plot, i) => placed(plotSvg(plot), i * (PLOT_SIZE.width + GAP), HEAD));
  const legend =
    'solid: dense run, F summed over sites (blue) and of everything (grey), accuracy (green) · dashed: full evaluation (orange), oracle β (green), collapse (black) · red: critical point and its interval';
  return file(width, PLOT_SIZE.height + HEAD, [
    `<text x="0" y="16">${escapeText(row.name)} <tspan class="soft" fill="var(--soft)">${escapeText(legend)}</tspan></text>`,
    ...body,
  ]);
}

/** A line at one x from 0 to 1. @type {(style: string, x: number) => Series} */
function upright(style, x) {
  return {
    style,
    points: [
      [x, 0],
      [x, 1],
    ],
  };
}

/** @type {(svg: string, x: number, y: number) => string} */
function placed(svg, x, y) {
  const { width, height } = PLOT_SIZE;
  const at = `x="${x}" y="${y}" width="${width}" height="${height}"`;
  return `<rect class="card" rx="8" ${at}/>${svg.replace('<svg class="plot"', `<svg class="plot" ${at}`)}`;
}

/** Below this β, F is nothing but noise over τ; the curves begin here. */
const FIRST_SPARSITY = 0.02;

/** What the panels of an analysis show of a row. @param {Row} row @returns {import('../../../dist/tools/analyze/panels.js').Charted} */
function asAnalysis({ curve, features, fullFeatures, rules, denseAccuracy }) {
  const choice = rules[RULE] ?? null;
  const from = curve.sparsity.findIndex((beta) => beta >= FIRST_SPARSITY);
  const shown = (/** @type {readonly number[]} */ values) => values.slice(from);
  const plain = (/** @type {readonly number[]} */ values) =>
    shown(values).map((value) => (Number.isFinite(value) ? value : null));
  // Far in the tail the pruned network has nearly nothing left, and its F would flatten all the rest.
  const lowest = Math.min(...plain(curve.renormalized).filter((value) => value !== null));
  const thresholds = shown(curve.thresholds);
  return {
    thresholds,
    renormalized: { freeEnergy: plain(curve.renormalized), sparsity: shown(curve.sparsity) },
    curve: { thresholds, continuous: plain(curve.continuous), sparsity: shown(curve.sparsity) },
    full: {
      freeEnergy: plain(curve.full).map((value) => (value !== null && value < lowest ? null : value)),
      sparsity: shown(curve.fullSparsity),
      accuracy: shown(curve.accuracy),
      agreement: shown(curve.agreement),
      features: fullFeatures,
    },
    features,
    critical:
      choice === null
        ? null
        : {
            threshold: present(choice.threshold),
            sparsity: choice.sparsity,
            feature: /** @type {import('../../../dist/criticality/features.js').FeatureKind} */ (choice.kind),
            interval: present(choice.interval),
          },
    answers: { denseAccuracy },
  };
}

const ROW_HEIGHT = 24;
const LEFT = 190;
const RIGHT = 24;
const RAIL = 760;

/** Where every row's critical point lies between dense, oracle and collapse; `other` is a second rule to compare. @type {(rows: readonly Row[], other: string) => string} */
export function overviewFigure(rows, other) {
  const x = (/** @type {number} */ beta) => LEFT + beta * RAIL;
  const height = 64 + rows.length * ROW_HEIGHT;
  const lines = rows.map((row, i) => {
    const y = 52 + i * ROW_HEIGHT;
    const choice = choiceOf(row, RULE);
    const second = choiceOf(row, other);
    return [
      `<text class="end" x="${LEFT - 12}" y="${y + 4}">${escapeText(row.name)}</text>`,
      `<line class="rail" x1="${x(0)}" x2="${x(1)}" y1="${y}" y2="${y}"/>`,
      `<line class="harvest" x1="${x(0)}" x2="${x(row.oracle.sparsity)}" y1="${y}" y2="${y}"/>`,
      row.collapse === null
        ? ''
        : `<line class="past" x1="${x(row.collapse.sparsity)}" x2="${x(row.collapse.sparsity)}" y1="${y - 8}" y2="${y + 8}"/>`,
      second === null ? '' : `<path class="other" d="M${x(second.sparsity)} ${y + 3}l4.5 7h-9z"/>`,
      choice === null
        ? `<circle class="none" cx="${x(0)}" cy="${y}" r="5"/>`
        : `<circle class="choice" cx="${x(choice.sparsity)}" cy="${y}" r="5.5"/>`,
    ].join('');
  });
  const scale = [0, 0.2, 0.4, 0.6, 0.8, 1].map(
    (beta) => `<text class="soft" text-anchor="middle" x="${x(beta)}" y="${height - 2}">β ${beta}</text>`,
  );
  const key =
    'green: within 1 point of dense · black bar: 5 points lost · red: β* of the default rule (ring: no feature, dense) · blue, below: β* of all sites pooled';
  return file(LEFT + RAIL + RIGHT, height + 6, [
    `<text class="soft" x="0" y="18">${key}</text>`,
    ...lines,
    ...scale,
  ]);
}

/** @type {(width: number, height: number, body: readonly string[]) => string} */
function file(width, height, body) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<style>${STYLE}</style>
<rect width="100%" height="100%" fill="var(--paper)"/>
${body.join('\n')}
</svg>
`;
}
