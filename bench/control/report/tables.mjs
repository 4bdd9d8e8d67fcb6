// The tables of the report, as rows of text: for the terminal and for the page.
import { present } from '../../present.mjs';
import { inPercent, phaseLines, share, whole } from './rows.mjs';
import { mean } from './statistics.mjs';

/**
 * @typedef {{ head: string[], rows: string[][] }} Table
 * @typedef {import('../objectives/objectives.mjs').Objectives} Objectives
 * @typedef {import('../objectives/losses.mjs').Objective} Objective
 */

/** @param {readonly import('./verdicts.mjs').Verdict[]} verdicts @returns {Table} */
export function verdictTable(verdicts) {
  return {
    head: ['', 'claim', 'figures'],
    rows: verdicts.map(({ claim, isHeld, figures }) => [
      isHeld === null ? 'not measured' : isHeld ? 'held' : 'FAILED',
      claim,
      figures,
    ]),
  };
}

/** @param {readonly import('./verdicts.mjs').Result[]} results @returns {Table} */
export function scenarioTable(results) {
  return {
    head: [
      ...['scenario', 'phase', 'seeds', 'sampled', 'alarm', 'dense', 'trial', 'in part', 'all', 'changes'],
      ...['turns', 'β', 'oracle β', 'worst loss %', 'realised %', 'accuracy %', 'ends'],
    ],
    rows: results
      .flatMap(phaseLines)
      .map((line) => [
        ...[line.scenario, line.phase, String(line.seeds), whole(line.sampled), whole(line.alarmed)],
        ...[
          whole(line.dense),
          whole(line.tried),
          whole(line.applied),
          whole(line.full),
          String(line.changes),
          String(line.reversals),
        ],
        ...[
          share(line.sparsity),
          share(line.oracle),
          inPercent(line.worstLoss),
          inPercent(line.worstRealised),
        ],
        ...[inPercent(line.worstAccuracy), line.end],
      ]),
  };
}

/** @type {(guarded: readonly import('./verdicts.mjs').Result[], earliest: readonly import('./verdicts.mjs').Result[]) => Table} */
export function harvestTable(guarded, earliest) {
  return {
    head: [
      'row',
      'guarded β',
      'earliest β',
      'oracle β',
      'guarded / oracle',
      'earliest / oracle',
      'true loss %',
      'accuracy lost %',
      'sampled',
    ],
    rows: guarded.map((result) => {
      const line = present(phaseLines(result).at(-1));
      const other = earliest.find(({ row }) => row === result.row);
      const second = other && phaseLines(other).at(-1);
      const ratio = (/** @type {typeof line | undefined} */ l) =>
        l === undefined || !l.oracle ? '–' : `${Math.round((100 * (l.sparsity ?? 0)) / l.oracle)} %`;
      return [
        ...[result.row, share(line.sparsity), share(second?.sparsity ?? null), share(line.oracle)],
        ...[
          ratio(line),
          ratio(second),
          inPercent(line.worstLoss),
          inPercent(line.worstAccuracy),
          whole(line.sampled),
        ],
      ];
    }),
  };
}

/** @param {readonly Objectives[]} objectives @returns {Table} */
export function objectiveTable(objectives) {
  const names = /** @type {Objective[]} */ (Object.keys(objectives[0]?.chosen ?? {}));
  const cell = (/** @type {import('../objectives/objectives.mjs').Point | null} */ point) =>
    point === null
      ? 'none'
      : `${share(point.sparsity)} (${inPercent(point.accuracyLoss)}, ${inPercent(point.losses.top1)})`;
  return {
    head: ['row', 'accuracy', 'T', 'oracle β', ...names],
    rows: objectives.map((row) => [
      ...[row.name, inPercent(row.denseAccuracy), row.temperature.toFixed(2)],
      share(row.accuracyOracle?.sparsity ?? null),
      ...names.map((name) => cell(row.chosen[name])),
    ]),
  };
}

/** @param {readonly Objectives[]} objectives @returns {Table} */
export function objectiveSummary(objectives) {
  const names = /** @type {Objective[]} */ (Object.keys(objectives[0]?.chosen ?? {}));
  return {
    head: [
      'objective',
      'mean β',
      'accuracy lost, mean',
      'worst',
      'rows above 1 point',
      'disagreement, mean',
      'worst',
      'prediction − truth, mean',
      'root mean square',
    ],
    rows: names.map((name) => {
      const points = objectives.map((row) => row.chosen[name]);
      const of = (/** @type {(point: import('../objectives/objectives.mjs').Point) => number} */ value) =>
        points.map((p) => (p === null ? 0 : value(p)));
      const losses = of((p) => p.accuracyLoss);
      const disagreements = of((p) => p.losses.top1);
      const errors = objectives.map((row) => row.errors[name]);
      return [
        ...[
          name,
          mean(of((p) => p.sparsity)).toFixed(3),
          inPercent(mean(losses)),
          inPercent(Math.max(...losses)),
        ],
        ...[String(losses.filter((loss) => loss > 0.01 + 1e-9).length)],
        ...[inPercent(mean(disagreements)), inPercent(Math.max(...disagreements))],
        ...[inPercent(mean(errors.map(({ bias }) => bias)))],
        inPercent(Math.sqrt(mean(errors.map(({ rms }) => rms * rms)))),
      ];
    }),
  };
}

/** Observed run lengths of drift as a share of the configured ones, ± the standard error; in brackets the spread between references. @param {import('./verdicts.mjs').Results['runLengths']} lengths @returns {Table} */
export function driftTable(lengths) {
  const drifts = lengths.filter((length) => length.alarm === 'drift');
  const configured = [...new Set(drifts.map((length) => length.configured))];
  return {
    head: ['row', ...configured.map((length) => length.toLocaleString('en'))],
    rows: [...new Set(drifts.map(({ row }) => row))].map((name) => [
      name,
      ...drifts
        .filter(({ row }) => row === name)
        .map(({ observed, configured, standardError, spread }) => {
          const [ratio, error] = [observed, standardError].map((x) => (x / configured).toFixed(2));
          return `${ratio} ± ${error} (${spread.toFixed(2)})`;
        }),
    ]),
  };
}
