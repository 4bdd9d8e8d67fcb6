import type { JudgedOutput, RowMeasure } from '../../control/guard/objective.ts';
import type { Tensor } from '../../protocol/types.ts';
import { floatsOf, isFloat, maskOf, rowsOf } from './answer-rows.ts';
import { cosineOf, isAgreed, klOfSoftmax, rowLoss } from './row-loss.ts';

export interface AgreementOptions {
  /**
   * What a row loses: `top1`: 1 when its class changes. `margin`: the dense model's probability of its own class less that
   * of the pruned answer's class, which is the expected loss of accuracy where the dense probabilities are calibrated.
   * `relative`: 1 when ‖pruned − dense‖ is above `tolerance` · ‖dense‖. `cosine`: 1 when 1 − cosine is above
   * `cosineTolerance`. `auto`: what the dense answers suggest: see `decideObjective`.
   */
  readonly measure: 'auto' | 'top1' | 'margin' | 'relative' | 'cosine';
  /** Name of the output to compare; by default all of them, and the worst counts. */
  readonly output?: string | undefined;
  /** Rows agree by relative error, or by error against the spread of the output, when that is at most this. */
  readonly tolerance: number;
  /** Rows agree by cosine when 1 − cosine is at most this. */
  readonly cosineTolerance: number;
}

/** How far the pruned answer is from the dense one, over the rows of one request. */
export interface Comparison {
  readonly rows: number;
  /** Rows with the same class, or with an error within the tolerance. */
  readonly agreed: number;
  /** Mean loss of the rows by the chosen measure, 0–1. */
  readonly loss: number;
  /** Mean Kullback–Leibler divergence KL(dense ‖ pruned) of the softmax of each row, in nats. */
  readonly kl: number;
  /** Mean cosine similarity of the rows. */
  readonly cosine: number;
}

/**
 * Compares one request's dense and pruned outputs, each judged one by its own measure; the one that loses most counts.
 *
 * Rows in which the dense answer is not finite say nothing and are left out; a pruned answer that is not finite where the
 * dense one is disagrees.
 *
 * @param inputs - of the request: an attention mask tells which positions of a sequence are padding.
 * @returns null when there is nothing to compare.
 */
export function compareJudged(
  dense: readonly Tensor[],
  pruned: readonly Tensor[],
  judged: readonly JudgedOutput[],
  options: AgreementOptions,
  inputs: readonly Tensor[] = [],
): Comparison | null {
  let worst: Comparison | null = null;
  for (const output of judged) {
    const reference = dense.find(({ name }) => name === output.name);
    const answer = pruned.find(({ name }) => name === output.name);
    if (reference === undefined || answer === undefined) continue;
    const found = compareOutput(reference, answer, output, options, inputs);
    if (found !== null && (worst === null || found.loss > worst.loss)) worst = found;
  }
  return worst;
}

/** Compares the output that `comparedBy` names, by the measure that its shape suggests: before the objective is decided. */
export function compare(
  dense: readonly Tensor[],
  pruned: readonly Tensor[],
  options: AgreementOptions,
): Comparison | null {
  return compareJudged(dense, pruned, provisionalOutputs(dense, options), options);
}

function provisionalOutputs(dense: readonly Tensor[], options: AgreementOptions): readonly JudgedOutput[] {
  const output = chosenOutput(dense, options.output);
  if (output === undefined) return [];
  const measure = isFloat(output) ? provisionalMeasure(output, options) : 'exact';
  const { name } = output;
  return [
    { name, kind: 'values', measure, isPerPosition: false, spread: null, replaced: null, constant: null },
  ];
}

function provisionalMeasure(reference: Tensor, options: AgreementOptions): RowMeasure {
  if (options.measure !== 'auto') return options.measure;
  return hasClasses(reference) ? 'margin' : 'relative';
}

/** Whether an output has the shape of class scores: floating-point, [rows, classes ≥ 2]. */
export function hasClasses(output: Tensor): boolean {
  return isFloat(output) && output.shape.length === 2 && output.shape[1]! >= 2;
}

function compareOutput(
  reference: Tensor,
  answer: Tensor,
  { measure, spread, isPerPosition }: JudgedOutput,
  { tolerance, cosineTolerance }: AgreementOptions,
  inputs: readonly Tensor[],
): Comparison | null {
  const a = floatsOf(reference);
  const b = floatsOf(answer);
  const rows = rowsOf(reference.shape, isPerPosition);
  if (rows === 0 || a.length === 0 || a.length !== b.length) return null;
  const mask = isPerPosition ? maskOf(reference, inputs) : undefined;
  const options = { measure, tolerance, cosineTolerance, spread };
  const width = a.length / rows;
  const sum = { rows: 0, agreed: 0, loss: 0, kl: 0, cosine: 0 };
  for (let row = 0; row < rows; row++) {
    const x = a.subarray(row * width, (row + 1) * width);
    const y = b.subarray(row * width, (row + 1) * width);
    if (mask?.[row] === 0 || !x.every(Number.isFinite)) continue;
    sum.rows++;
    sum.agreed += isAgreed(x, y, options) ? 1 : 0;
    sum.loss += rowLoss(x, y, options);
    sum.kl += measure === 'exact' ? 0 : klOfSoftmax(x, y);
    sum.cosine += cosineOf(x, y);
  }
  if (sum.rows === 0) return null;
  const { rows: n, agreed } = sum;
  return { rows: n, agreed, loss: sum.loss / n, kl: sum.kl / n, cosine: sum.cosine / n };
}

/** The name of the output that is compared before the objective is decided, of a model's; undefined: none. */
export function comparedBy(
  outputs: readonly Pick<Tensor, 'name' | 'datatype'>[],
  { output }: Pick<AgreementOptions, 'output'>,
): string | undefined {
  return output ?? (outputs.find(isFloat) ?? outputs.find((t) => t.datatype !== 'BYTES'))?.name;
}

/** The output that answers are compared by before the objective is decided. */
export function chosenOutput(outputs: readonly Tensor[], name: string | undefined): Tensor | undefined {
  const chosen = comparedBy(outputs, { output: name });
  return outputs.find((t) => t.name === chosen);
}
