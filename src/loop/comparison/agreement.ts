import { float16ToFloat32 } from '../../estimator/float16.ts';
import type { Tensor } from '../../protocol/types.ts';

export interface AgreementOptions {
  /**
   * What a row loses: `top1`: 1 when its class changes. `margin`: the dense model's probability of its own class less that
   * of the pruned answer's class, which is the expected loss of accuracy where the dense probabilities are calibrated.
   * `relative`: 1 when ‖pruned − dense‖ is above `tolerance` · ‖dense‖. `cosine`: 1 when 1 − cosine is above
   * `cosineTolerance`. `auto`: margin where an output looks like class scores ([rows, classes ≥ 2]), else relative.
   */
  readonly measure: 'auto' | 'top1' | 'margin' | 'relative' | 'cosine';
  /** Name of the output to compare; by default the first floating-point one, else the first. */
  readonly output?: string | undefined;
  /** Rows agree by relative error when that is at most this. */
  readonly tolerance: number;
  /** Rows agree by cosine when 1 − cosine is at most this. */
  readonly cosineTolerance: number;
}

/** How far the pruned answer is from the dense one, over the rows of one request. */
export interface Comparison {
  readonly rows: number;
  /** Rows with the same class, or with a cosine within the tolerance. */
  readonly agreed: number;
  /** Mean loss of the rows by the chosen measure, 0–1. */
  readonly loss: number;
  /** Mean Kullback–Leibler divergence KL(dense ‖ pruned) of the softmax of each row, in nats. */
  readonly kl: number;
  /** Mean cosine similarity of the rows. */
  readonly cosine: number;
}

/**
 * Compares one request's dense and pruned outputs row by row (first dimension = rows).
 *
 * A model without a floating-point output is compared by equality. Rows in which the dense answer is not finite say
 * nothing and are left out; a pruned answer that is not finite where the dense one is disagrees.
 *
 * @returns null when there is nothing to compare.
 */
export function compare(
  dense: readonly Tensor[],
  pruned: readonly Tensor[],
  options: AgreementOptions,
): Comparison | null {
  const reference = chosenOutput(dense, options.output);
  const answer = pruned.find((t) => t.name === reference?.name);
  if (reference === undefined || answer === undefined) return null;
  const rows = reference.shape.length > 1 ? reference.shape[0]! : 1;
  const a = floatsOf(reference);
  const b = floatsOf(answer);
  if (rows === 0 || a.length === 0 || a.length !== b.length) return null;
  const measure = isFloat(reference) ? measureFor(reference, options) : 'exact';
  return compareRows(a, b, rows, measure, options);
}

type Measure = 'top1' | 'margin' | 'relative' | 'cosine' | 'exact';

function measureFor(reference: Tensor, options: AgreementOptions): Measure {
  if (options.measure !== 'auto') return options.measure;
  return hasClasses(reference) ? 'margin' : 'relative';
}

/** Whether an output looks like class scores: floating-point, [rows, classes ≥ 2]. */
export function hasClasses(output: Tensor): boolean {
  return isFloat(output) && output.shape.length === 2 && output.shape[1]! >= 2;
}

function compareRows(
  a: Floats,
  b: Floats,
  rows: number,
  measure: Measure,
  options: AgreementOptions,
): Comparison | null {
  const width = a.length / rows;
  const sum = { rows: 0, agreed: 0, loss: 0, kl: 0, cosine: 0 };
  for (let row = 0; row < rows; row++) {
    const x = a.subarray(row * width, (row + 1) * width);
    const y = b.subarray(row * width, (row + 1) * width);
    if (!x.every(Number.isFinite)) continue;
    const cosine = cosineOf(x, y);
    sum.rows++;
    const agrees = isAgreed(x, y, measure, cosine, options);
    sum.agreed += agrees ? 1 : 0;
    sum.loss += agrees ? 0 : measure === 'margin' ? marginLoss(x, y) : 1;
    sum.kl += measure === 'exact' ? 0 : klOfSoftmax(x, y);
    sum.cosine += cosine;
  }
  if (sum.rows === 0) return null;
  const { rows: n, agreed } = sum;
  return { rows: n, agreed, loss: sum.loss / n, kl: sum.kl / n, cosine: sum.cosine / n };
}

/** p(a's class) − p(b's class) by the probabilities of a, 0–1. A b that is not finite loses everything. */
function marginLoss(a: Floats, b: Floats): number {
  if (!b.every(Number.isFinite)) return 1;
  const logP = logProbabilities(a);
  return Math.exp(logP[argmax(a)]!) - Math.exp(logP[argmax(b)]!);
}

/** ln softmax of the scores; scores that are probabilities already are taken as such. */
function logProbabilities(v: Floats): Float64Array {
  if (isDistribution(v)) return Float64Array.from(v, (p) => Math.log(Math.max(p, LEAST_PROBABILITY)));
  const z = logSumExp(v);
  return Float64Array.from(v, (x) => x - z);
}

const LEAST_PROBABILITY = 1e-12;

function isDistribution(v: Floats): boolean {
  let sum = 0;
  for (const p of v) {
    if (p < 0) return false;
    sum += p;
  }
  return Math.abs(sum - 1) < 1e-3;
}

function isAgreed(
  a: Floats,
  b: Floats,
  measure: Measure,
  cosine: number,
  { tolerance, cosineTolerance }: AgreementOptions,
): boolean {
  if (!b.every(Number.isFinite)) return false;
  switch (measure) {
    case 'top1':
    case 'margin':
      return argmax(a) === argmax(b);
    case 'relative':
      return relativeError(a, b) <= tolerance;
    case 'cosine':
      return 1 - cosine <= cosineTolerance;
    case 'exact':
      return a.every((x, i) => x === b[i]);
  }
}

/** ‖b − a‖ / ‖a‖; 0 when both are zero. */
function relativeError(a: Floats, b: Floats): number {
  let error = 0;
  let size = 0;
  for (let i = 0; i < a.length; i++) {
    error += (b[i]! - a[i]!) ** 2;
    size += a[i]! ** 2;
  }
  return error === 0 ? 0 : Math.sqrt(error / size);
}

/** The name of the output that answers are compared by, of a model's; undefined: none. */
export function comparedBy(
  outputs: readonly Pick<Tensor, 'name' | 'datatype'>[],
  { output }: Pick<AgreementOptions, 'output'>,
): string | undefined {
  return output ?? (outputs.find(isFloat) ?? outputs.find((t) => t.datatype !== 'BYTES'))?.name;
}

/** The output that answers are compared by. */
export function chosenOutput(outputs: readonly Tensor[], name: string | undefined): Tensor | undefined {
  const chosen = comparedBy(outputs, { output: name });
  return outputs.find((t) => t.name === chosen);
}

function isFloat(t: Pick<Tensor, 'datatype'>): boolean {
  return t.datatype === 'FP32' || t.datatype === 'FP64' || t.datatype === 'FP16';
}

export function floatsOf(t: Tensor): Floats {
  if (t.datatype === 'FP16') return float16ToFloat32(t.elements as Uint16Array);
  if (t.elements instanceof Float32Array || t.elements instanceof Float64Array) return t.elements;
  return Float64Array.from(t.elements as ArrayLike<number | bigint>, Number);
}

type Floats = Float32Array | Float64Array;

/** Where a divergence stops telling more; keeps means finite. */
const MAX_KL = 50;

/** Index of the largest element, the first of equals. */
function argmax(v: Floats): number {
  let best = 0;
  for (let i = 1; i < v.length; i++) if (v[i]! > v[best]!) best = i;
  return best;
}

/** Cosine similarity; 1 when both are zero, 0 when one is, or when the answer is not finite. */
function cosineOf(a: Floats, b: Floats): number {
  let dot = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! * a[i]!;
    bb += b[i]! * b[i]!;
  }
  if (aa === 0 && bb === 0) return 1;
  const cosine = dot / Math.sqrt(aa * bb);
  return Number.isFinite(cosine) ? cosine : 0;
}

function klOfSoftmax(a: Floats, b: Floats): number {
  const p = logProbabilities(a);
  const q = logProbabilities(b);
  let kl = 0;
  for (let i = 0; i < p.length; i++) kl += Math.exp(p[i]!) * (p[i]! - q[i]!);
  return Number.isNaN(kl) ? MAX_KL : Math.min(Math.max(0, kl), MAX_KL);
}

function logSumExp(v: Floats): number {
  let max = Number.NEGATIVE_INFINITY;
  for (const x of v) max = Math.max(max, x);
  let sum = 0;
  for (const x of v) sum += Math.exp(x - max);
  return max + Math.log(sum);
}
