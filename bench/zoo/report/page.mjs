// The report as a page of Markdown.

import { present } from '../../present.mjs';
import { RULES } from './rules.mjs';
import {
  CHECKS,
  choiceOf,
  gap,
  isPastCollapse,
  lossOf,
  match,
  partsSpread,
  RULE,
  spread,
  streamShift,
  timesRenormalized,
  timesWindow,
} from './verdicts.mjs';

/**
 * @typedef {import('./row.ts').Row} Row
 * @typedef {import('./row.ts').Seed} Seed
 */

/** @param {import('./row.ts').Report & { discussion: string }} report */
export function page({ rows, seeds, machine, isResumed, isRetimed, discussion }) {
  const first = present(rows[0]);
  const minutes = (/** @type {keyof import('./row.ts').Cost} */ quantity) =>
    ([...rows, ...seeds].reduce((sum, row) => sum + row[quantity], 0) / 60).toFixed(0);
  const time = isResumed
    ? `in several runs on ${machine}, which was busy`
    : `in ${minutes('seconds')} minutes on ${machine}, of which ${minutes('cpuSeconds')} minutes of processor time`;
  return `# The paper, reproduced on twelve architectures

Remade by \`npm run zoo:report\` from the committed models, ${time}. All numbers of this page are in
[paper-reproduction.json](paper-reproduction.json). Thresholds are read from ${first.rows} held-out inputs per row without labels; accuracy is
measured on the same inputs. β is the share of nonzero activations that pruning zeroes. The default rule is “${present(RULES[0]).name}”.

![Every row between dense, oracle and collapse](figures/overview.svg)

## What was to be shown

${checks(rows)}

${discussion}

## Every row, default rule

The oracle is the largest β within 1 point of the dense accuracy, found by running the pruned network; the collapse is the
first τ of the grid with 5 points lost. “–” is “no significant feature”: the model stays dense.

${mainTable(rows)}

## Rules compared

β* and, in brackets, points of accuracy lost; **bold** from the collapse on.

${rulesTable(rows)}

${rulesSummary(rows, seeds)}

## All features as candidates

Every significant feature of the default rule in order of τ: β, points of accuracy lost, and agreement with the dense model, which is what a
server can see without labels.

${candidatesTable(rows)}

## Full evaluation against one dense run

The first feature of the pruned network's own F, by the same rule on the same thresholds, beside that of the dense run. A match is one
of the same kind and a β that differs by at most .03, each β of its own network; beside it, both at the β that the dense run gives to
their τ. Between two thresholds, M and Σ of the pruned network are those of the runs at the threshold below and above, each weighted by
how near it is. The gap is the largest difference of the two F up to the oracle, as a share of the range of F.

${matchTable(rows)}

## Stability, scale, streaming

Largest difference of β* over disjoint parts of the inputs (five of 500, of the digits two and five smaller ones), over ${first.scaled.factors.length} factors from ¼ to 8 on all activations, and between the batch
and the same inputs one by one through a rolling window. “lost”: a feature in some and none in others.

${stabilityTable(rows)}

## Other seeds

The same architecture and data, trained from another seed.

${seedsTable(rows, seeds)}

## Time

Full evaluation for 40 τ, one dense run with its histograms and τ*, and τ* from a full rolling window, in which one slice is new since
the last estimate (as in a server with its defaults); same workers, same process, one per row, medians; then the ratios of processor time over all threads, which a busy machine does not distort.

${isRetimed ? 'These times are from `npm run zoo:report -- --timings`, after the rest and with nothing beside it.\n\n' : ''}${timeTable(rows)}

## Figures

Against β; the pruned network at its own β.

${rows.map(({ name }) => `### ${name}\n\n![${name}](figures/${name}.svg)\n`).join('\n')}`;
}

/** @param {readonly Row[]} rows */
function checks(rows) {
  const lines = CHECKS.map(([name, isMet]) => {
    const missed = rows.filter((row) => !isMet(row)).map((row) => row.name);
    return [name, `${rows.length - missed.length} of ${rows.length}`, missed.join(', ') || 'none'];
  });
  return table(['requirement', 'rows that meet it', 'rows that fail it'], lines);
}

/** @param {readonly Row[]} rows */
function mainTable(rows) {
  return table(
    ['row', 'dense', 'τ*', 'interval', 'kind', 'β*', 'at τ*', 'lost', 'oracle β', 'collapse β', 'features'],
    rows.map((row) => {
      const choice = choiceOf(row, RULE);
      return [
        row.name,
        percent(row.denseAccuracy),
        choice === null ? '–' : number(present(choice.threshold)),
        choice === null ? '' : present(choice.interval).map(number).join(' … '),
        choice?.kind ?? '',
        choice === null ? '–' : choice.sparsity.toFixed(3),
        choice === null ? '' : percent(choice.accuracy),
        points(lossOf(row, RULE)),
        row.oracle.sparsity.toFixed(3),
        row.collapse?.sparsity.toFixed(3) ?? 'never',
        String(row.features.length),
      ];
    }),
  );
}

/** @param {readonly Row[]} rows */
function rulesTable(rows) {
  return table(
    ['row', ...RULES.map(({ name }) => name)],
    rows.map((row) => [
      row.name,
      ...RULES.map(({ key }) => {
        const choice = choiceOf(row, key);
        if (choice === null) return '–';
        const text = `${choice.sparsity.toFixed(2)} (${points(lossOf(row, key))})`;
        return isPastCollapse(row, key) ? `**${text}**` : text;
      }),
    ]),
  );
}

/** @param {readonly Row[]} rows @param {readonly Seed[]} seeds */
function rulesSummary(rows, seeds) {
  const all = [...rows, ...seeds];
  return table(
    [
      'rule',
      'loss ≤ 2',
      'loss ≤ 5',
      'past collapse',
      'stable',
      'no feature',
      'mean β*',
      'share of the oracle β',
      'other seeds, loss ≤ 2 / ≤ 5',
    ],
    RULES.map(({ key, name }) => {
      const found = rows.filter((row) => choiceOf(row, key) !== null);
      const harvest = rows.map((row) => row.rules[key]?.sparsity ?? 0);
      const share = rows.map((row, i) => Math.min(1, present(harvest[i]) / row.oracle.sparsity));
      const within = (/** @type {readonly Seed[]} */ list, /** @type {number} */ loss) =>
        list.filter((row) => lossOf(row, key) <= loss + 1e-9).length;
      return [
        name,
        `${within(rows, 0.02)}`,
        `${within(rows, 0.05)}`,
        `${rows.filter((row) => isPastCollapse(row, key)).length}`,
        `${rows.filter((row) => partsSpread(row.subsamples, key) <= 0.03).length}`,
        `${rows.length - found.length}`,
        mean(harvest).toFixed(3),
        percent(mean(share)),
        `${within(seeds, 0.02)} / ${within(seeds, 0.05)} of ${all.length - rows.length}`,
      ];
    }),
  );
}

/** @param {readonly Row[]} rows */
function candidatesTable(rows) {
  return table(
    ['row', 'features'],
    rows.map((row) => [
      row.name,
      row.features
        .map(
          (f) =>
            `${f.kind} β ${f.sparsity.toFixed(2)}: ${points(row.denseAccuracy - f.accuracy)}, agreement ${f.agreement.toFixed(3)}`,
        )
        .join(' · ') || '–',
    ]),
  );
}

/** @param {readonly Row[]} rows */
function matchTable(rows) {
  const feature = (/** @type {Row['fullFeatures'][number] | undefined} */ f) =>
    f === undefined ? '–' : `${f.kind} τ ${number(f.threshold)} β ${f.sparsity.toFixed(3)}`;
  return table(
    [
      'row',
      'dense run',
      'full evaluation',
      'own β: difference',
      'match',
      'along τ: difference',
      'match',
      'gap',
    ],
    rows.map((row) => {
      const { isMatch, isMatchInTau, distance, distanceInTau } = match(row);
      const verdict = (/** @type {boolean} */ isMet) => (isMet ? 'yes' : '**no**');
      const shown = (/** @type {number | null} */ d) => (d === null ? '' : d.toFixed(3));
      return [
        row.name,
        feature(row.features[0]),
        feature(row.fullFeatures[0]),
        shown(distance),
        verdict(isMatch),
        shown(distanceInTau),
        verdict(isMatchInTau),
        percent(gap(row)),
      ];
    }),
  );
}

/** @param {readonly Row[]} rows */
function stabilityTable(rows) {
  const parts = (/** @type {readonly (number | null)[] | undefined} */ list) =>
    list === undefined ? '' : list.map((beta) => beta?.toFixed(3) ?? '–').join(' ');
  return table(
    ['row', 'β* of parts of 500', 'differ by', 'β* of parts of 210', 'differ by', 'scale', 'streaming'],
    rows.map((row) => [
      row.name,
      parts(row.subsamples.sparsities[RULE]),
      shift(partsSpread(row.subsamples, RULE)),
      parts(row.fifths?.sparsities[RULE]),
      row.fifths === undefined ? '' : shift(partsSpread(row.fifths, RULE)),
      shift(spread(row.scaled.sparsities)),
      shift(streamShift(row)),
    ]),
  );
}

/** @param {readonly Row[]} rows @param {readonly Seed[]} seeds */
function seedsTable(rows, seeds) {
  const entries = rows.filter(({ entry }) => seeds.some((seed) => seed.entry === entry));
  const cell = (/** @type {Seed} */ row) => {
    const choice = choiceOf(row, RULE);
    const answer = choice === null ? '–' : `β* ${choice.sparsity.toFixed(3)}, ${points(lossOf(row, RULE))}`;
    return `${answer} (dense ${percent(row.denseAccuracy)})`;
  };
  return table(
    ['row', 'seed 1', 'seed 2', 'seed 3'],
    entries.map((row) => [
      row.name,
      cell(row),
      ...seeds.filter(({ entry }) => entry === row.entry).map(cell),
    ]),
  );
}

/** @param {readonly Row[]} rows */
function timeTable(rows) {
  const times = (/** @type {import('./row.ts').Times} */ t) => [
    timesRenormalized(t).toFixed(0),
    Math.round(timesWindow(t)).toLocaleString('en'),
  ];
  return table(
    [
      'row',
      'full, 40 τ',
      'dense run',
      'window',
      'full / dense run',
      'full / window',
      'processor: full / dense run',
      'full / window',
    ],
    rows.map(({ name, timings: t }) => [
      name,
      `${t.fullSeconds.toFixed(2)} s`,
      `${(1000 * t.renormalizedSeconds).toFixed(0)} ms`,
      `${(1000 * t.windowSeconds).toFixed(2)} ms`,
      ...times(t),
      ...times(t.cpu),
    ]),
  );
}

/** @type {(head: readonly string[], rows: readonly (readonly string[])[]) => string} */
function table(head, rows) {
  const line = (/** @type {readonly string[]} */ cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** @param {number} value */
function shift(value) {
  return Number.isFinite(value) ? value.toFixed(3) : 'lost';
}

/** @param {number} loss */
function points(loss) {
  const text = (100 * loss).toFixed(1);
  return (text === '-0.0' ? '0.0' : text).replace('-', '−');
}

/** @param {number} ratio */
function percent(ratio) {
  return `${(100 * ratio).toFixed(1)} %`;
}

/** @param {number} value */
function number(value) {
  return String(Number(value.toPrecision(3)));
}

/** @param {readonly number[]} values */
function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
