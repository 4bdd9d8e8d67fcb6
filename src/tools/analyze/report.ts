import type { Analysis, AnalyzedSite } from './analysis.ts';
import { panels } from './panels.ts';
import { escapeText, markerIcon, type Plot, plotSvg } from './plot.ts';
import { PAGE_STYLE } from './report-style.ts';
import {
  FEATURE_HEAD,
  featureCells,
  lossText,
  measureText,
  noCriticalPoint,
  number,
  percent,
  seconds,
  withinText,
} from './summary.ts';

/** An analysis as one HTML page that needs nothing else: figures, six panels, features and sites. */
export function htmlReport(analysis: Analysis): string {
  const title = `Critical threshold of ${analysis.model}`;
  const plots = panels(analysis);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(title)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<main>
<h1>${escapeText(title)}</h1>
<p class="lead">${escapeText(lead(analysis))}</p>
<dl class="figures">${figures(analysis)}</dl>
${legend(analysis, plots)}
<div class="panels">
${plots.map(plotSvg).join('\n')}
</div>
<div class="tables">
<section><h2>Sites</h2>${sitesTable(analysis.sites)}</section>
<section><h2>Features of F</h2>${featuresTable(analysis)}</section>
</div>
<footer>F(τ) = ln(Σ/Σ₀) − (s/τ)·ln(M/N) over the activations of all gated sites; s = ${scaleText(analysis)}. τ* is the
earliest feature that stands out from its sampling noise, of F summed over the sites; its interval holds the thresholds that the noise cannot tell from it.</footer>
</main>
</body>
</html>
`;
}

function lead({ rows, sites, skippedSites, rule, temperature }: Analysis): string {
  return `${rows} rows, ${sites.length} gated sites, ${skippedSites} skipped; rule ${rule}, ${temperature} temperature.`;
}

function figures(analysis: Analysis): string {
  const { critical, answers, timings, features } = analysis;
  const { renormalizedSeconds, windowSeconds, fullSeconds } = timings;
  const critically =
    critical === null
      ? [figure('critical threshold τ*', 'none', noCriticalPoint(analysis).replace('none: ', ''), 'main')]
      : [
          figure(
            'critical threshold τ*',
            number(critical.threshold),
            `${critical.feature}, ${number(critical.interval[0])} … ${number(critical.interval[1])}`,
            'main',
          ),
          figure('sparsity β*', percent(critical.sparsity), pruned(answers?.criticalSparsity)),
        ];
  return [
    ...critically,
    figure('features', String(features.length), 'significant'),
    figure('answers judged by', measureText(analysis)),
    ...optional(analysis.objective.critical?.loss, (v) => figure('loss at τ*', lossText(v, analysis))),
    figure('largest τ within the objective', withinText(analysis)),
    ...optional(answers?.denseAccuracy, (v) => figure('accuracy, dense', percent(v))),
    ...optional(answers?.criticalAccuracy, (v) => figure('accuracy at τ*', percent(v))),
    ...optional(answers?.criticalAgreement, (v) => figure('agreement at τ*', percent(v))),
    figure('renormalized', seconds(renormalizedSeconds), 'one dense run'),
    ...optional(fullSeconds, (v) =>
      figure('full evaluation', seconds(v), `${(v / renormalizedSeconds).toFixed(0)} times as long`),
    ),
    figure('from a filled window', seconds(windowSeconds)),
  ].join('');
}

function pruned(sparsity: number | undefined): string {
  return sparsity === undefined ? '' : `${percent(sparsity)} when pruned`;
}

function figure(label: string, value: string, note = '', style = ''): string {
  const small = note === '' ? '' : `<small>${escapeText(note)}</small>`;
  return `<div class="${style}"><dt>${escapeText(label)}</dt><dd>${escapeText(value)}${small}</dd></div>`;
}

function legend({ features, full, critical }: Analysis, plots: readonly Plot[]): string {
  const shown = new Set(
    plots.flatMap(({ series }) => series.filter(({ points }) => points.length > 0).map(({ style }) => style)),
  );
  const kinds = [...new Set(features.map(({ kind }) => kind))];
  const lines = [
    [
      'continuous',
      'the curve that τ* is decided on: F summed over sites, smoothed, without values that repeat exactly',
    ],
    ['renormalized', 'F of everything, from the dense run (renormalized)'],
    ...(shown.has('full') ? [['full', 'full evaluation: the pruned model run at every τ']] : []),
    ...(shown.has('accuracy') ? [['accuracy', 'accuracy']] : []),
    ...(shown.has('agreement') ? [['agreement', 'agreement with the dense model']] : []),
  ] as const;
  return `<ul class="legend">${[
    ...lines.map(([style, text]) => `<li>${lineIcon(style!)}${text}</li>`),
    ...(critical === null
      ? []
      : [`<li>${markerIcon(critical.feature, 'first')}critical threshold τ*; band: its interval</li>`]),
    ...(full === undefined || full.features.length === 0
      ? []
      : [`<li>${markerIcon(full.features[0]!.kind, 'full')}feature of the full evaluation</li>`]),
    ...kinds.map((kind) => `<li>${markerIcon(kind, 'later')}${kind}</li>`),
  ].join('')}</ul>`;
}

function lineIcon(style: string): string {
  return `<svg width="28" height="8" aria-hidden="true"><path class="line ${style}" d="M1 4H27"/></svg>`;
}

function sitesTable(sites: readonly AnalyzedSite[]): string {
  if (sites.length === 0) return '<p>The model has no gateable site.</p>';
  const rows = sites.map(
    ({ name, op, zeroRatio, activations, meanMagnitude }) =>
      `<tr><td class="name">${escapeText(name)}</td><td>${escapeText(op)}</td><td class="n">${zeroRatio === null ? '–' : percent(zeroRatio)}</td><td class="n">${activations.toLocaleString('en')}</td><td class="n">${meanMagnitude === null ? '–' : number(meanMagnitude)}</td></tr>`,
  );
  return `<table><thead><tr><th>site</th><th>op</th><th class="n">zero already</th><th class="n">nonzero activations</th><th class="n">mean magnitude</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function featuresTable(analysis: Analysis): string {
  if (analysis.features.length === 0) return `<p>${escapeText(noCriticalPoint(analysis))}.</p>`;
  const head = FEATURE_HEAD.map((title) => `<th>${title}</th>`).join('');
  const rows = analysis.features.map(
    (feature) =>
      `<tr>${featureCells(feature)
        .map((cell) => `<td>${escapeText(cell)}</td>`)
        .join('')}</tr>`,
  );
  return `<table><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function scaleText({ temperature, temperatureScale }: Analysis): string {
  if (temperatureScale === null) return 'none';
  return temperature === 'paper'
    ? '1, as in the paper'
    : `Σ₀/N = ${number(temperatureScale)}, the mean magnitude`;
}

function optional<T>(value: T | undefined, format: (value: T) => string): string[] {
  return value === undefined ? [] : [format(value)];
}
