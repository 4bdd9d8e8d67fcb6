// One run over its requests: the applied sparsity above, the true loss of the traffic below.
import { PLOT_SIZE, plotSvg } from '../../../dist/tools/analyze/plot.js';
import { PLOT_STYLE } from '../../../dist/tools/analyze/report-style.js';
import { present } from '../../present.mjs';

const STYLE = `${PLOT_STYLE}
.card { fill: var(--card); stroke: var(--faint); }
.line.sparsity { stroke: var(--blue); } .line.oracle { stroke: var(--green); stroke-dasharray: 6 3; }
.line.loss { stroke: var(--red); } .line.phase { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 2 3; }
.line.allowed { stroke: var(--ink); stroke-width: 1; stroke-dasharray: 6 3; }`;
const GAP = 12;

/** @param {import('./verdicts.mjs').Result} result @returns {string} an SVG file of the first seed. */
export function runFigure({ name, about, runs }) {
  const { requests, trace, phases, promise } = present(runs[0]);
  const thousands = requests / 1000;
  let seen = 0;
  const spans = phases.map((phase) => {
    const from = seen / 1000;
    seen += phase.requests;
    return { from, to: seen / 1000, oracle: phase.oracle };
  });
  const boundaries = spans.slice(1).map(({ from: x }) => ({
    style: 'phase',
    points: /** @type {[number, number][]} */ ([
      [x, 0],
      [x, 1],
    ]),
  }));
  const over = (/** @type {(point: (typeof trace)[number]) => number} */ value) =>
    /** @type {[number, number][]} */ (trace.map((point) => [point.request / 1000, value(point)]));
  const oracle = spans.flatMap(
    ({ from, to, oracle: y }) =>
      /** @type {[number, number][]} */ ([
        [from, y],
        [to, y],
      ]),
  );
  const shared = { xLabel: 'thousand requests', xDomain: /** @type {const} */ ([0, thousands]), markers: [] };
  const highest = Math.max(2 * promise.allowed, ...trace.map(({ loss }) => loss));
  const plots = [
    {
      ...shared,
      title: `${name}: sparsity applied, and the oracle’s`,
      yDomain: /** @type {const} */ ([0, 1]),
      series: [
        ...boundaries,
        { style: 'oracle', points: oracle },
        { style: 'sparsity', points: over(({ sparsity, share }) => sparsity * share) },
      ],
    },
    {
      ...shared,
      title: `true loss over 1,000 requests (allowed: ${(100 * promise.allowed).toFixed(0)} %)`,
      yDomain: /** @type {const} */ ([0, highest * 1.05]),
      yFormat: (/** @type {number} */ value) => `${Number((100 * value).toFixed(1))} %`,
      series: [
        ...boundaries,
        {
          style: 'allowed',
          points: /** @type {[number, number][]} */ ([
            [0, promise.allowed],
            [thousands, promise.allowed],
          ]),
        },
        { style: 'loss', points: over(({ loss }) => loss) },
      ],
    },
  ];
  const width = plots.length * (PLOT_SIZE.width + GAP) - GAP;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${PLOT_SIZE.height}" width="${width}" height="${PLOT_SIZE.height}" role="img" aria-label="${about}">
<style>${STYLE}</style>
<rect width="100%" height="100%" fill="var(--paper)"/>
${plots.map((plot, i) => placed(plotSvg(plot), i * (PLOT_SIZE.width + GAP))).join('\n')}
</svg>
`;
}

/** @type {(svg: string, x: number) => string} */
function placed(svg, x) {
  const at = `x="${x}" y="0" width="${PLOT_SIZE.width}" height="${PLOT_SIZE.height}"`;
  return `<rect class="card" rx="8" ${at}/>${svg.replace('<svg class="plot"', `<svg class="plot" ${at}`)}`;
}
