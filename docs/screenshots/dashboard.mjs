// Some panels of the dashboard, drawn without Grafana: their queries, as Prometheus answers them.
import { ROWS } from '../../dashboards/rows.mjs';
import { escapeText, PLOT_SIZE, plotSvg } from '../../dist/tools/analyze/plot.js';
import { PLOT_STYLE } from '../../dist/tools/analyze/report-style.js';

/** @import { Panel } from '../../dashboards/panel.mjs' */
/** @import { Prometheus } from './prometheus.mjs' */

const TITLES = [
  'Exposure',
  'Applied and critical threshold',
  'Mean loss against what is allowed',
  'Drift distance and limit',
  'Time saved and work left out',
  'Answers, dense and pruned',
];
const COLUMNS = 3;
const GAP = 12;
/** Below a plot, for the names of its lines. */
const LEGEND = 22;
const STYLES = ['first', 'second', 'third'];
const STYLE = `${PLOT_STYLE}
.card { fill: var(--card); stroke: var(--faint); }
.first { stroke: var(--blue); } .second { stroke: var(--orange); } .third { stroke: var(--green); }
text.legend { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: var(--soft); }`;

/** @typedef {{ readonly at: number, readonly label: string }} Mark - something that happened, in seconds since Prometheus was opened. */

/**
 * The panels as an SVG file.
 *
 * @param {Prometheus} prometheus @param {string} model @param {Mark} mark
 */
export async function dashboardSvg(prometheus, model, mark) {
  const panels = TITLES.map(panelNamed);
  const drawn = await Promise.all(panels.map((panel) => panelSvg(panel, prometheus, model, mark)));
  const width = COLUMNS * (PLOT_SIZE.width + GAP) - GAP;
  const height = Math.ceil(panels.length / COLUMNS) * (PLOT_SIZE.height + LEGEND + GAP) - GAP;
  const placed = drawn.map((svg, i) => {
    const x = (i % COLUMNS) * (PLOT_SIZE.width + GAP);
    const y = Math.floor(i / COLUMNS) * (PLOT_SIZE.height + LEGEND + GAP);
    return `<g transform="translate(${x} ${y})">${svg}</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeText(`${TITLES.join(', ')}, over time`)}">
<style>${STYLE}</style>
${placed.join('\n')}
</svg>
`;
}

/** The panel with a title that shows something over time. @param {string} title @returns {Panel} */
function panelNamed(title) {
  const found = ROWS.flatMap(({ panels }) => panels).find(
    (panel) => panel.title === title && panel.type !== 'stat',
  );
  if (found === undefined) throw new Error(`the dashboard has no panel '${title}'`);
  return found;
}

/** @param {Panel} panel @param {Prometheus} prometheus @param {string} model @param {Mark} mark */
async function panelSvg({ title, queries, unit }, prometheus, model, { at, label }) {
  const answers = await Promise.all(
    queries.map(async ({ expr, legend }) =>
      (await prometheus.ask(expr, model)).map(({ labels, points }) => ({
        legend: named(legend, labels),
        points,
      })),
    ),
  );
  // What never happened needs no line.
  const lines = answers.flat().filter(({ points }) => points.some(([, y]) => y !== 0));
  if (lines.length === 0) throw new Error(`'${title}' has no values`);
  const values = lines.flatMap(({ points }) => points.map(([, y]) => y)).filter(Number.isFinite);
  const plot = plotSvg({
    title,
    xLabel: 'seconds',
    xDomain: [0, prometheus.seconds],
    yDomain: [Math.min(0, ...values), Math.max(...values) * 1.2],
    yFormat: (value) => valueText(value, unit),
    series: lines.map(({ points }, i) => ({ style: styleOf(i), points: broken(points) })),
    markers: [],
    critical: { x: at, from: at, to: at, label },
  });
  const names = lines.map(({ legend }, i) => nameText(legend, title, i)).join(' ');
  return `<rect class="card" rx="8" width="${PLOT_SIZE.width}" height="${PLOT_SIZE.height + LEGEND}"/>
${plot.replace('<svg class="plot"', `<svg class="plot" width="${PLOT_SIZE.width}" height="${PLOT_SIZE.height}"`)}
<text class="legend" x="54" y="${PLOT_SIZE.height + 8}">${names}</text>`;
}

/** @param {number} i */
function styleOf(i) {
  return /** @type {string} */ (STYLES[i % STYLES.length]);
}

/** Longest time between two values of one line, in seconds. */
const LATE = 3;

/** With a break wherever values are missing. @param {readonly (readonly [x: number, y: number])[]} points */
function broken(points) {
  return points.flatMap((point, i) => {
    const isLate = i > 0 && point[0] - (points[i - 1]?.[0] ?? 0) > LATE;
    return isLate ? [/** @type {const} */ ([point[0], Number.NaN]), point] : [point];
  });
}

/** A legend with its labels filled in; the instance is the same for all. @param {string} legend @param {Readonly<Record<string, string>>} labels */
function named(legend, labels) {
  return legend
    .replace('{{instance}}', '')
    .replace(/\{\{(\w+)\}\}/g, (_, label) => labels[label] ?? '')
    .trim();
}

/** @param {string} name - empty: that of the panel. @param {string} title @param {number} i */
function nameText(name, title, i) {
  const color = ['blue', 'orange', 'green'][i % STYLES.length];
  return `<tspan fill="var(--${color})" font-weight="600">— ${escapeText(name || title.toLowerCase())}</tspan>`;
}

/** @param {number} value @param {string} unit */
function valueText(value, unit) {
  if (unit === 'percentunit') return `${Number((100 * value).toPrecision(3))} %`;
  if (unit === 's') return `${Number((1000 * value).toPrecision(3))} ms`;
  return String(Number(value.toPrecision(3)));
}
