// docs/control.md and its figures, from the results.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { present } from '../../present.mjs';
import { runFigure } from './figure.mjs';
import {
  driftTable,
  harvestTable,
  objectiveSummary,
  objectiveTable,
  scenarioTable,
  verdictTable,
} from './tables.mjs';

const DOCS = new URL('../../../docs/', import.meta.url);
const FIGURES = ['scale-1.5-fashion-mnist-cnn', 'seasonal', 'collapse-optical-digits-cnn'];

/** @type {(results: import('./verdicts.mjs').Results, verdicts: readonly import('./verdicts.mjs').Verdict[]) => void} */
export function writePage(results, verdicts) {
  const { scenarios, objectives, runLengths, seconds } = results;
  const of = (/** @type {string} */ kind) => scenarios.filter((result) => result.kind === kind);
  const shown = scenarios.filter(({ name }) => FIGURES.includes(name));
  mkdirSync(new URL('figures/', DOCS), { recursive: true });
  for (const result of shown)
    writeFileSync(new URL(`figures/control-${result.name}.svg`, DOCS), runFigure(result));
  const others = scenarios.filter(({ kind }) => kind !== 'harvest' && kind !== 'earliest');
  const discussion = readFileSync(new URL('discussion.md', import.meta.url), 'utf8').trim();
  const runs = scenarios.reduce((n, result) => n + result.runs.length, 0);
  const { replay, recording } = present(seconds);
  const page = `# The control loop, measured

Written by \`npm run bench:control -- --json control.json --write\`, at default settings: ${scenarios.length} scenarios, ${runs} runs, ${minutes(replay)} of replay (and ${minutes(recording)} of recording, which is kept). Do not edit; the
words between the tables are in \`bench/control/report/discussion.md\`.

Real traffic of the [zoo](../bench/zoo/README.md) was recorded once: for 1,000 inputs of each model, and changed versions of them, the activations of the dense run and the
answers of the pruned network at every threshold that a controller can choose. The harness replays them in virtual time through the real sampler, shadow runs and thermostat. Only
HTTP and the model are missing, and the harness knows the truth about every answer.

## What is claimed

${markdown(verdictTable(verdicts))}
${discussion}

${shown.map(({ name, about }) => `![${name}: ${about}](figures/control-${name}.svg)`).join('\n\n')}

## Scenarios

${markdown({ head: ['scenario', 'model', 'what happens'], rows: others.map(({ name, row, about }) => [name, row, about]) })}
Medians over seeds, in sampled requests since the phase began; *in part* and *all*: until a part of production was pruned again after an alarm, and all of it; *changes* of the applied τ and *turns* (changes of its direction after one alarm of drift) are the worst seed's. β is where production ended, oracle β the
largest that keeps the promise on that traffic. Losses are the worst window of 1,000 requests of the worst seed: *worst loss* of the whole traffic at the applied thresholds, *realised* of the answers
that were given, both in the objective's own terms; *accuracy* is what labels say. Arms, faults and phases are in \`bench/control/scenarios/table.mjs\`.

${markdown(scenarioTable(others))}
## Harvest

${markdown(harvestTable(of('harvest'), of('earliest')))}
## False alarms of drift

Sampled requests until the false alarm, as a share of the configured number: the mean over references ± its standard error, in brackets the standard deviation between references. Each reference is \`window.minSamples\`
requests drawn from the recording, and each request after it another draw; the detector alone is replayed, the alarms are those of the whole loop.

${markdown(driftTable(runLengths))}
## Objectives

For each objective the largest β that loses at most .01 by its own measure; in brackets the accuracy that is truly lost and the share of answers that change, both in percent. T is the temperature that calibrates
the dense model's confidence (fitted to the labels of the other half of the inputs; above 1 the model is overconfident); oracle β loses at most one point of true accuracy.

${markdown(objectiveTable(objectives))}
${markdown(objectiveSummary(objectives))}`;
  writeFileSync(new URL('control.md', DOCS), `${page.trim()}\n`);
}

/** @param {import('./tables.mjs').Table} table */
function markdown({ head, rows }) {
  const line = (/** @type {string[]} */ cells) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line), ''].join('\n');
}

/** @param {number} seconds */
function minutes(seconds) {
  return `${(seconds / 60).toFixed(1)} min`;
}
