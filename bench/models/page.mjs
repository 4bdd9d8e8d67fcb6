// The table of models, and its section in docs/performance.md.
import { median } from './arms.mjs';

/**
 * @typedef {import('./row.ts').Row} Row
 * @typedef {import('./row.ts').Sparse} Sparse
 * @typedef {import('./row.ts').AtBatch} AtBatch
 * @typedef {import('./row.ts').Report} Report
 */

export const HEADING = '## Models';

/** @param {Report} report */
export function section({ onnxruntime, kernels, cpu, rounds, threads, scheme, held, rows }) {
  return `${HEADING}${threads === 1 ? '' : ` on ${threads} threads`}

Whole models against plain onnxruntime-node, ${threads === 1 ? 'on one thread' : `on ${threads} threads`}, sites \`${scheme}\`: \`npm run bench:models -- --write\`. ONNX Runtime ${onnxruntime},
${cpu}, kernels ${kernels}; ${rounds} rounds A B B A over all columns, in one process per model.

Speed-up by the minimum of all rounds, by the median in parentheses. *Binding*: the same dense model through the addon's
session. *Shadow run*: time of that model when it makes the histograms of its sites, over its time without. *Lossless*: layers skip exact zeros, τ = 0. *Pruned*: at the largest τ of the ladder whose mean loss on ${held.toLocaleString('en')} held-out
inputs is at most 1 %, as the server compares answers (the default objective). The server's planner chose the layers, for
each size of request and each τ; where it found no gain the plain model is served, through the addon. *71 % of 6/9*: six of nine linear layers skip zeros, which
leaves out 71 % of their multiplications. Sites whose pruning saves no time are left alone; then the threshold is the largest
for the others.

${table(rows)}

${summaries(rows)}
`;
}

/** @param {readonly Row[]} rows */
export function table(rows) {
  const lines = rows.flatMap((row) =>
    row.batches.map((at, i) => {
      const about = i > 0 ? ['', ''] : [row.name, percent(row.zeroRatio)];
      const { pruned } = at;
      const allowed =
        pruned === null
          ? ['none', '–']
          : [`${pruned.threshold?.toPrecision(3)}: ${percent(pruned.sparsity)}`, percent(pruned.loss)];
      const speedups = [
        ratio(at, at.bindingUs),
        `${(at.observedUs.min / at.bindingUs.min).toFixed(2)} (${(at.observedUs.median / at.bindingUs.median).toFixed(2)})`,
        served(at, at.lossless),
        pruned === null ? '–' : served(at, pruned) + sitesOf(pruned),
      ];
      return [...about, String(at.rows), milliseconds(at.plainUs.min), ...speedups, ...allowed];
    }),
  );
  const head = [
    'model',
    'zeros',
    'batch',
    'plain ms',
    'binding',
    'shadow run',
    'lossless',
    'pruned',
    'τ: sparsity',
    'loss',
  ];
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** The median over all models for each size of request. @param {readonly Row[]} rows */
export function summaries(rows) {
  const sizes = [...new Set(rows.flatMap(({ batches }) => batches.map((at) => at.rows)))];
  const medians = sizes.map((size) => {
    const all = rows.flatMap(({ batches }) => batches.filter((at) => at.rows === size));
    const of = (/** @type {(at: AtBatch) => import('./arms.mjs').Times} */ timesOf) =>
      median(all.map((at) => at.plainUs.median / timesOf(at).median)).toFixed(2);
    const parts = [
      `binding ${of((at) => at.bindingUs)}`,
      `lossless ${of((at) => at.lossless.us)}`,
      `pruned ${of((at) => (at.pruned ?? at.lossless).us)}`,
    ];
    return `batch ${size}: ${parts.join(', ')}`;
  });
  return `Median of the ${rows.length} models, by medians: ${medians.join('; ')}.`;
}

/** @param {AtBatch} at @param {Sparse} sparse */
function served(at, { us, sparseLayers, layers, macsSkipped }) {
  if (sparseLayers === 0) return 'plain';
  return `${ratio(at, us)}; ${percent(macsSkipped)} of ${sparseLayers}/${layers}`;
}

/** @param {import('./row.ts').Pruned} pruned */
function sitesOf({ gatedSites, sites, sparseLayers }) {
  return gatedSites === sites || sparseLayers === 0 ? '' : `, ${gatedSites}/${sites} sites`;
}

/** @param {AtBatch} at @param {import('./arms.mjs').Times} us */
function ratio({ plainUs }, us) {
  return `${(plainUs.min / us.min).toFixed(2)} (${(plainUs.median / us.median).toFixed(2)})`;
}

/** @param {number} share */
function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

/** @param {number} us */
function milliseconds(us) {
  return (us / 1000).toPrecision(3);
}

/** A page with a section in place of the one under the same heading, or at its end. @param {string} page @param {string} written */
export function withSection(page, written) {
  const heading = written.slice(0, written.indexOf('\n') + 1);
  const begin = page.indexOf(heading);
  if (begin < 0) return `${page.trimEnd()}\n\n${written}`;
  const next = page.indexOf('\n## ', begin + heading.length);
  const rest = next < 0 ? '' : page.slice(next);
  return `${page.slice(0, begin)}${written}${rest}`;
}
