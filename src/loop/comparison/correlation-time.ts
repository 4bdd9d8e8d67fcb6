import { isVarying } from '../../estimator/varying.ts';
import type { Tensor } from '../../protocol/types.ts';
import { floatsOf, isFloat } from './answer-rows.ts';

/** Elements of one answer that are looked at: what a long answer costs is bounded. */
const MOST_ELEMENTS = 1024;
/** Standard errors above 0 at which a correlation is one. */
const CLEAR = 2;

/**
 * How many requests in a row are worth one: the integrated autocorrelation time 1 + 2 Σ ρ(k) of their dense answers, ρ(k) being the
 * mean correlation of answers k requests apart. The sum ends at the first k whose correlation is not clear of noise. At least 1.
 *
 * @param answers - one per request, in order of arrival.
 * Source: Sokal 1997, "Monte Carlo methods in statistical mechanics: foundations and new algorithms", section 3.
 */
export function correlationTime(answers: readonly (readonly Tensor[])[]): number {
  const rows = answers.map(numbersOf);
  const width = Math.min(...rows.map(({ length }) => length));
  const n = rows.length;
  if (n < 2 || !(width > 0)) return 1;
  const centred = centredColumns(rows, width);
  const product = (i: number, j: number) => {
    let sum = 0;
    for (let k = 0; k < width; k++) sum += centred[i]![k]! * centred[j]![k]!;
    return sum;
  };
  const variance = centred.reduce((sum, _, i) => sum + product(i, i), 0) / n;
  if (!(variance > 0)) return 1;
  let time = 1;
  for (let lag = 1; lag < n / 2; lag++) {
    let sum = 0;
    for (let i = 0; i + lag < n; i++) sum += product(i, i + lag);
    const correlation = sum / (n - lag) / variance;
    if (!(correlation > CLEAR / Math.sqrt(n))) break;
    time += 2 * correlation;
  }
  return time;
}

/** The first elements of every output of floats; what is not finite counts as 0. */
function numbersOf(outputs: readonly Tensor[]): Float64Array {
  const values: number[] = [];
  for (const output of outputs) {
    if (!isFloat(output)) continue;
    for (const value of floatsOf(output).subarray(0, MOST_ELEMENTS - values.length))
      values.push(Number.isFinite(value) ? value : 0);
  }
  return Float64Array.from(values);
}

/** Every column with mean 0, and with variance 1 where it varies. */
function centredColumns(rows: readonly Float64Array[], width: number): Float64Array[] {
  const centred = rows.map(() => new Float64Array(width));
  for (let k = 0; k < width; k++) {
    const column = rows.map((row) => row[k]!);
    if (!isVarying(column)) continue;
    const mean = column.reduce((sum, x) => sum + x, 0) / rows.length;
    const variance = column.reduce((sum, x) => sum + (x - mean) ** 2, 0) / rows.length;
    for (const [i, x] of column.entries()) centred[i]![k] = (x - mean) / Math.sqrt(variance);
  }
  return centred;
}
