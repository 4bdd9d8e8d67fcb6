import type { JudgedOutput, Objective, OutputKind, RowMeasure } from '../../control/guard/objective.ts';
import type { AgreementOptions } from './agreement.ts';
import { kindOf, MEASURES_OF } from './output-kind.ts';
import type { Pilot, PilotOutput } from './pilot.ts';
import { rowLoss } from './row-loss.ts';
import { constantLoss, leastTellingLoss, replacedLoss, spreadOf } from './vacuity.ts';

export interface ObjectiveOptions extends AgreementOptions {
  /** Mean loss that is allowed, 0–1. */
  readonly allowedLoss: number;
  /** Outputs where the graph ends in Softmax or LogSoftmax. */
  readonly softmaxOutputs: readonly string[];
}

/**
 * The objective that the dense answers of a pilot allow. Pure; O(rows · width).
 *
 * Of every judged output: its kind, then the first measure for that kind by which both another request's answer and the best
 * constant one lose at least ten times what is allowed. Where the operator chose the measure, there is no other. An output that
 * is the same for all requests must stay the same, which says nothing of the others.
 */
export function decideObjective(pilot: Pilot, options: ObjectiveOptions): Objective {
  const judged = pilot.outputs
    .filter(({ name }) => options.output === undefined || name === options.output)
    .map((output) => ({ output, judged: judgedOutput(output, options) }));
  const outputs = judged.map((each) => each.judged);
  const telling = outputs.filter(({ kind }) => kind !== 'constant');
  const reason =
    telling.length === 0
      ? 'no answer depends on the request'
      : (telling.map((output) => vacuousBecause(output, options)).find((why) => why !== null) ??
        irrefutableBecause(judged, pilot, options));
  return { outputs, vacuous: reason !== null, reason };
}

function judgedOutput(output: PilotOutput, options: ObjectiveOptions): JudgedOutput {
  const { name, rows, isPerPosition } = output;
  const kind = kindOf(output, options.softmaxOutputs.includes(name));
  const candidates = measuresFor(kind, options).map((measure): JudgedOutput => {
    const spread = measure === 'spread' ? spreadOf(rows) : null;
    const row = { ...options, measure, spread };
    const [replaced, constant] =
      rows.length === 0 ? [0, 0] : [replacedLoss(rows, row), constantLoss(rows, row)];
    return { name, kind, measure, isPerPosition, spread, replaced, constant };
  });
  return candidates.find((each) => isTelling(each, options)) ?? candidates[0]!;
}

function measuresFor(kind: OutputKind, { measure }: ObjectiveOptions): readonly RowMeasure[] {
  return measure === 'auto' || kind === 'integers' || kind === 'constant' ? MEASURES_OF[kind] : [measure];
}

function isTelling({ measure, spread, replaced, constant }: JudgedOutput, options: ObjectiveOptions) {
  if (measure === 'spread' && spread === null) return false;
  return Math.min(replaced ?? 0, constant ?? 0) >= leastTellingLoss(options.allowedLoss);
}

function vacuousBecause(output: JudgedOutput, options: ObjectiveOptions): string | null {
  if (isTelling(output, options)) return null;
  const { name, measure, replaced, constant } = output;
  const losses = `another request's answer loses ${decimals(replaced)}, the best constant one ${decimals(constant)}`;
  const least = leastTellingLoss(options.allowedLoss).toFixed(3);
  return `measure ${measure} sees too little of output '${name}': ${losses}, and both must lose ${least}`;
}

function decimals(loss: number | null): string {
  return (loss ?? 0).toFixed(3);
}

/** The highest candidate that there is must lose more than what is allowed; where nothing was asked of it, nothing is known. */
function irrefutableBecause(
  judged: readonly { readonly output: PilotOutput; readonly judged: JudgedOutput }[],
  pilot: Pilot,
  options: ObjectiveOptions,
): string | null {
  if (pilot.probes === 0) return null;
  const losses = judged.map(({ output: { probes }, judged: { measure, spread } }) => {
    if (probes.length === 0) return 0;
    const row = { ...options, measure, spread };
    return probes.reduce((sum, [dense, pruned]) => sum + rowLoss(dense, pruned, row), 0) / probes.length;
  });
  const worst = Math.max(...losses);
  if (worst > options.allowedLoss) return null;
  return `the highest candidate loses ${worst.toFixed(3)} on ${pilot.probes} requests: no candidate could be refuted`;
}

/** The measures in use, each once, in the order of the outputs: 'margin', or 'margin, spread'. */
export function measureOf({ outputs }: Objective): string {
  const telling = outputs.filter(({ kind }) => kind !== 'constant');
  return [...new Set((telling.length > 0 ? telling : outputs).map(({ measure }) => measure))].join(', ');
}

/** An objective in a sentence, for people. */
export function describeObjective(objective: Objective): string {
  if (objective.reason !== null) return objective.reason;
  const parts = objective.outputs.map(
    ({ name, kind, measure, replaced, constant }) =>
      `'${name}' (${kind}) by ${measure}: another request's answer loses ${decimals(replaced)}, the best constant one ${decimals(constant)}`,
  );
  return parts.join('; ');
}
