// The claims about the control loop, each with its numbers, held or not.
import { present } from '../../present.mjs';
import { configOf } from '../replay/settings.mjs';
import { mean, median, poissonQuantile, quantile } from './statistics.mjs';

/**
 * @typedef {import('../scenarios/jobs.mjs').Run} Run
 * @typedef {{ name: string, about: string, kind: import('../scenarios/table.mjs').Kind, row: string, runs: Run[] }} Result
 * @typedef {{ scenarios: Result[], objectives: import('../objectives/objectives.mjs').Objectives[], memory: { sampled: number, heapBytes: number }[] | null,
 *   runLengths: (GuardRunLength | DriftRunLength)[], seconds: Seconds | null }} Results
 * @typedef {{ recording: number, replay: number }} Seconds
 * @typedef {import('../replay/run-length.mjs').GuardRunLength} GuardRunLength
 * @typedef {import('../replay/drift-alarms.mjs').DriftRunLength} DriftRunLength
 * @typedef {{ claim: string, isHeld: boolean | null, figures: string }} Verdict
 * `isHeld` null: nothing was measured that could tell.
 * @typedef {{ scenarios: (Result & { ok: boolean })[], claims: { text: string, ok: boolean | null, figures: string }[] }} Summary
 * What other programs read of `--json`; a scenario is ok where no claim is refuted by it alone, a claim null where nothing was measured.
 */

const RUN_LENGTH_TOLERANCE = 0.25;
const RETUNED_SAMPLES = 500;
const COLLAPSE_PAIRS = 50;
const EXCESS = 0.01;
const CHANCE = 0.99;
const HARVEST_MEDIAN = 0.9;
const HARVEST_WORST = 0.7;
const STEP_US = 200;
const HEAP_GROWTH = 1.1;

/** @param {Results} results @returns {Verdict[]} */
export function verdictsOf(results) {
  const of = (/** @type {string[]} */ ...kinds) =>
    results.scenarios.filter(({ kind }) => kinds.includes(kind));
  return [
    ...runLengths(results.runLengths),
    ...ofEachScenario(results.scenarios),
    harvest(of('harvest'), of('earliest')),
    stepTime(results.scenarios),
    memory(results.memory),
  ];
}

/** @param {Results} results @param {readonly Verdict[]} verdicts @returns {Summary} */
export function summaryOf({ scenarios }, verdicts) {
  return {
    scenarios: scenarios.map((result) => ({ ...result, ok: isOk(result) })),
    claims: verdicts.map(({ claim, isHeld, figures }) => ({ text: claim, ok: isHeld, figures })),
  };
}

/** @param {Result} result */
function isOk(result) {
  const isHarvested = result.kind !== 'harvest' || harvestedShare(result) >= HARVEST_WORST;
  return isHarvested && ofEachScenario([result]).every(({ isHeld }) => isHeld !== false);
}

/** The claims that one scenario alone can refute. @param {readonly Result[]} results @returns {Verdict[]} */
function ofEachScenario(results) {
  const of = (/** @type {string} */ kind) => results.filter((result) => result.kind === kind);
  return [
    noNoise(of('stationary')),
    noFalseDrift(of('streams')),
    retuned(of('scale').filter(({ name }) => name.includes('1.5'))),
    collapse(of('collapse')),
    ...truth(results),
    noFlapping(results),
  ];
}

/** @param {Results['runLengths']} lengths @returns {Verdict[]} */
function runLengths(lengths) {
  const guards = lengths.filter(({ alarm }) => alarm === 'guard');
  const drifts = lengths.filter((length) => length.alarm === 'drift');
  const isHeld = (/** @type {typeof lengths} */ rows, /** @type {(ratio: number) => boolean} */ isMet) =>
    rows.length === 0 ? null : rows.every(({ observed, configured }) => isMet(observed / configured));
  return [
    {
      claim:
        'stationary: sampled requests between false alarms of drift within ± 25 % of the configured number',
      isHeld: isHeld(drifts, (ratio) => Math.abs(ratio - 1) <= RUN_LENGTH_TOLERANCE),
      figures: driftFigures(drifts),
    },
    {
      claim:
        'the guard raises no more false alarms than configured, where exactly as much is lost as is allowed',
      isHeld: isHeld(guards, (ratio) => ratio >= 1 - RUN_LENGTH_TOLERANCE),
      figures: guards
        .map((r) => `${r.row}: ${r.observed.toFixed(0)} for ${r.configured} (${r.alarms} alarms)`)
        .join('; '),
    },
  ];
}

/** The range at every configured length, and what is furthest off with its standard error. @param {readonly DriftRunLength[]} lengths */
function driftFigures(lengths) {
  const ratio = (/** @type {DriftRunLength} */ { observed, configured }) => observed / configured;
  const configured = [...new Set(lengths.map((length) => length.configured))];
  return configured
    .map((length) => {
      const rows = lengths
        .filter((row) => row.configured === length)
        .sort((a, b) => Math.abs(ratio(a) - 1) - Math.abs(ratio(b) - 1));
      const furthest = present(rows.at(-1));
      const all = `${rows.length} models, ${furthest.alarms} alarms each: ${mean(rows.map(ratio)).toFixed(2)} of it on average`;
      const error = (furthest.standardError / length).toFixed(2);
      return `${length} configured, ${all}, furthest ${ratio(furthest).toFixed(2)} ± ${error} (${furthest.row})`;
    })
    .join('; ');
}

/** Alarms that may be false in so many observations, one of which is due in `runLength` of them: by chance, more come once in a hundred. @type {(observations: number, runLength: number) => number} */
function dueAlarms(observations, runLength) {
  return poissonQuantile(observations / runLength, CHANCE);
}

/** @param {Result[]} results @returns {Verdict} */
function noNoise(results) {
  const { drift, agreement } = configOf();
  const rows = results.map(({ name, runs }) => {
    const last = runs.map(({ phases }) => present(phases.at(-1)));
    const drifted = sum(last.map(({ paths }) => paths.length - 1));
    const disagreed = sum(last.map(({ alarms }) => alarms)) - drifted;
    const downs = sum(last.map(({ paths }) => sum(paths.map(downsOf))));
    const sampled = sum(last.map((phase) => phase.sampled));
    const pairs = sum(last.map((phase) => phase.pairs));
    return { name, drifted, disagreed, downs, sampled, pairs, requests: sum(last.map((p) => p.requests)) };
  });
  const all = (/** @type {'drifted' | 'disagreed' | 'downs' | 'sampled' | 'pairs'} */ key) =>
    sum(rows.map((row) => row[key]));
  const isHeld =
    all('downs') <= all('drifted') + all('disagreed') &&
    all('drifted') <= dueAlarms(all('sampled'), drift.runLength) &&
    all('disagreed') <= dueAlarms(all('pairs'), agreement.alarmRunLength);
  return {
    claim:
      'stationary: τ only goes up, as more is proven, but for false alarms; of these there are no more than configured',
    isHeld: rows.length === 0 ? null : isHeld,
    figures: `${rows
      .map(
        (r) =>
          `${r.name}: ${r.drifted} alarms of drift and ${r.disagreed} of the guard in ${r.requests} requests, ${r.sampled} of them sampled and ${r.pairs} compared at τ`,
      )
      .join('; ')}; configured: ${drift.runLength} samples, ${agreement.alarmRunLength} comparisons at least`,
  };
}

/** How often τ goes down. @param {readonly number[]} path */
function downsOf(path) {
  return path.filter((threshold, i) => i > 0 && threshold < present(path[i - 1])).length;
}

/** @param {Result[]} results @returns {Verdict} */
function noFalseDrift(results) {
  const { runLength } = configOf().drift;
  const rows = results.map(({ name, runs }) => {
    const first = runs.map(({ phases }) => present(phases[0]));
    const alarms = first.map(({ paths }) => paths.length - 1);
    return { name, alarms, requests: first[0]?.requests ?? 0, sampled: sum(first.map((p) => p.sampled)) };
  });
  const sampled = sum(rows.map((row) => row.sampled));
  const alarms = sum(rows.flatMap((row) => row.alarms));
  return {
    claim:
      'traffic whose neighbours resemble each other, and that never moves: no more alarms of drift than configured',
    isHeld: rows.length === 0 ? null : alarms <= dueAlarms(sampled, runLength),
    figures: `${rows.map((r) => `${r.name}: ${r.alarms.join(', ')} in ${r.requests} requests`).join('; ')}; ${alarms} in ${sampled} samples, ${runLength} configured`,
  };
}

/** @param {Result[]} results @returns {Verdict} */
function retuned(results) {
  const rows = results.map(({ name, runs }) => {
    const delays = runs.map(({ phases }) => present(drifts(phases)[0]).delays);
    const until = (/** @type {keyof (typeof delays)[number]} */ step) => median(delays.map((d) => d[step]));
    const steps = {
      noticed: until('alarmed'),
      'on trial': until('tried'),
      'in production': until('applied'),
    };
    return { name, steps: { ...steps, 'at 25 %': until('quarter'), 'at all of it': until('full') } };
  });
  const isWithin = (/** @type {number | null} */ sampled) => sampled !== null && sampled <= RETUNED_SAMPLES;
  return {
    claim:
      'scale × 1.5: noticed, τ* estimated anew and the new τ in production within 500 sampled requests (median over seeds): its first share, for all of it takes the whole proof',
    isHeld: rows.length === 0 ? null : rows.every(({ steps }) => isWithin(steps['in production'])),
    figures: rows
      .map(
        ({ name, steps }) =>
          `${name}: ${Object.entries(steps)
            .map(([step, sampled]) => `${step} ${shown(sampled)}`)
            .join(', ')}`,
      )
      .join('; '),
  };
}

/** @param {Result[]} results @returns {Verdict} */
function collapse(results) {
  const rows = results.map(({ name, runs }) => {
    // A run that was dense when the collapse came says nothing about the way back to dense.
    const pruned = runs.map(({ phases }) => present(phases[1])).filter(({ start }) => start.threshold > 0);
    return {
      name,
      pairs: quantile(
        pruned.map((p) => p.pairsToDense),
        0.95,
      ),
      of: pruned.length,
      all: runs.length,
    };
  });
  const judged = rows.filter((row) => row.of > 0);
  return {
    claim: 'collapse: dense again within 50 compared answers (95th percentile)',
    isHeld:
      judged.length === 0 ? null : judged.every(({ pairs }) => pairs !== null && pairs <= COLLAPSE_PAIRS),
    figures: rows.map((r) => `${r.name}: ${shown(r.pairs)} (${r.of} of ${r.all} runs pruned)`).join('; '),
  };
}

/** @param {readonly Result[]} results @returns {Verdict[]} */
function truth(results) {
  const worst = results.map(({ name, runs }) => {
    const allowed = runs[0]?.promise.allowed ?? 0;
    const over = (/** @type {'loss' | 'realised' | 'oracle'} */ key) =>
      runs.map(({ phases }) => Math.max(...phases.map((phase) => phase.worst[key] - allowed)));
    return { name, loss: over('loss'), realised: over('realised'), oracle: Math.max(...over('oracle')) };
  });
  const above = (/** @type {'loss' | 'realised'} */ key) =>
    worst
      .map(({ [key]: over, ...row }) => ({
        ...row,
        seeds: over.length,
        over: over.filter((x) => x > EXCESS),
      }))
      .filter(({ over }) => over.length > 0)
      .sort((a, b) => Math.max(...b.over) - Math.max(...a.over));
  const shown = (/** @type {ReturnType<typeof above>} */ rows) =>
    rows
      .map(
        ({ name, seeds, over, oracle }) =>
          `${name} +${points(Math.max(...over))} (${over.length} of ${seeds} seeds; the oracle +${points(oracle)})`,
      )
      .join(', ');
  const byTraffic = above('loss');
  const byAnswers = above('realised');
  // What the best threshold for the traffic loses as well is chance: neighbours that resemble each other are lost together.
  const isChance = (/** @type {(typeof byAnswers)[number]} */ { over, oracle }) =>
    Math.max(...over) <= oracle;
  return [
    {
      claim:
        "true loss of the whole traffic never more than 1 point above the objective's over 1,000 requests",
      isHeld: worst.length === 0 ? null : byTraffic.length === 0,
      figures: `${byTraffic.length} of ${worst.length} scenarios above${byTraffic.length === 0 ? '' : `: ${shown(byTraffic)}`}`,
    },
    {
      claim:
        "true loss of the answers that were given never more than 1 point above the objective's over 1,000 requests, but where the oracle loses as much on the same requests",
      isHeld: worst.length === 0 ? null : byAnswers.every(isChance),
      figures: `${byAnswers.length} of ${worst.length} scenarios above${byAnswers.length === 0 ? '' : `: ${shown(byAnswers)}`}`,
    },
  ];
}

/** The applied sparsity at the end as a share of the oracle's, median over seeds. @param {Result} result */
function harvestedShare({ runs }) {
  const ends = runs
    .map(({ phases }) => phases.at(-1))
    .map((p) => (p && p.oracle > 0 ? p.sparsity / p.oracle : 1));
  return median(ends) ?? 0;
}

/** @type {(guarded: Result[], earliest: Result[]) => Verdict} */
function harvest(guarded, earliest) {
  const shares = (/** @type {Result[]} */ results) =>
    results.map((result) => ({ row: result.row, share: harvestedShare(result) }));
  const rows = shares(guarded).sort((a, b) => a.share - b.share);
  const [worst] = rows;
  const others = shares(earliest);
  const half = median(rows.map(({ share }) => share)) ?? 0;
  return {
    claim:
      'harvest: guarded reaches ≥ 90 % of the oracle’s β on the median row of the zoo, ≥ 70 % on the worst',
    isHeld: worst === undefined ? null : half >= HARVEST_MEDIAN && worst.share >= HARVEST_WORST,
    figures:
      worst === undefined
        ? ''
        : `median ${percent(half)}, worst ${percent(worst.share)} (${worst.row}); earliest: median ${percent(median(others.map(({ share }) => share)) ?? 0)}`,
  };
}

/** @param {readonly Result[]} results @returns {Verdict} */
function noFlapping(results) {
  const turns = results.flatMap(({ name, runs }) =>
    runs.flatMap(({ phases }) => drifts(phases).map(({ reversals }) => ({ name, reversals }))),
  );
  const bad = turns.filter(({ reversals }) => reversals > 1);
  return {
    claim: 'no flapping: at most one change of direction per alarm of drift',
    isHeld: turns.length === 0 ? null : bad.length === 0,
    figures:
      `${bad.length} of ${turns.length} phases of drift with more` +
      (bad.length === 0 ? '' : `: ${[...new Set(bad.map(({ name }) => name))].join(', ')}`),
  };
}

/** @param {Result[]} results @returns {Verdict} */
function stepTime(results) {
  const runs = results.flatMap(({ runs }) => runs);
  const step = median(runs.map(({ timings }) => timings.step.median));
  const estimate = median(runs.map(({ timings }) => timings.estimate.median));
  return {
    claim: 'one sampled request takes the loop at most 200 µs, estimates apart',
    isHeld: step === null ? null : step <= STEP_US,
    figures: `median ${shown(step)} µs; an estimate, once in 16, ${shown(estimate)} µs`,
  };
}

/** @param {number} bytes */
function mebibytes(bytes) {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

/** @param {Results['memory']} memory @returns {Verdict} */
function memory(memory) {
  // Memory of typed arrays is given back some time after a collection, and kept inputs once no test asks for them: it goes up and down.
  const mean = (/** @type {{ sampled: number, heapBytes: number }[]} */ some) =>
    some.reduce((sum, { heapBytes }) => sum + heapBytes, 0) / some.length;
  const half = (memory ?? []).length / 2;
  const first = mean((memory ?? []).slice(0, half));
  const last = mean((memory ?? []).slice(half));
  return {
    claim: 'memory does not grow with the number of requests',
    isHeld: memory === null ? null : last <= first * HEAP_GROWTH,
    figures: `of ${memory?.at(-1)?.sampled ?? 0} sampled requests, on average over the first half ${mebibytes(first)}, over the second ${mebibytes(last)}`,
  };
}

/** @param {Run['phases']} phases */
function drifts(phases) {
  return phases.filter(({ isDrift }) => isDrift);
}

/** @param {number | null} value */
export function shown(value) {
  return value === null ? 'never' : String(Math.round(value));
}

/** @param {number} share */
export function points(share) {
  return `${(100 * share).toFixed(1)} points`;
}

/** @param {number} share */
export function percent(share) {
  return `${Math.round(100 * share)} %`;
}

export { mean, median };

/** @param {readonly number[]} values */
function sum(values) {
  return values.reduce((a, b) => a + b, 0);
}
