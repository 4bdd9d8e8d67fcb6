import { ServingError } from '../../config/errors.ts';
import { float16ToFloat32 } from '../../estimator/float16.ts';
import { isClassifiable } from '../../protocol/datatypes.ts';
import { countParameter } from '../../protocol/parameters.ts';
import { MAX_STRINGS } from '../../protocol/shape.ts';
import type { RequestedOutput, Tensor, TensorSpec } from '../../protocol/types.ts';

export interface Classes {
  /** Outputs as the model declares them. */
  readonly specs: readonly TensorSpec[];
  /** Names of the first classes; the others have none. */
  readonly labels: readonly string[];
}

/**
 * Replaces outputs that were requested with `classification` by their best classes as text.
 *
 * A tensor [rows, …] with a variable number of rows becomes BYTES [rows, k], any other BYTES [k], where k is at most the
 * number of elements. An element is `score:index` or `score:index:label`: highest score first, then lower index, NaN last.
 * Scores of floats have six decimals.
 *
 * @throws ServingError INVALID_REQUEST for more strings than a tensor may hold.
 */
export function withClasses(
  outputs: readonly Tensor[],
  asked: readonly RequestedOutput[] | undefined,
  classes: Classes,
): readonly Tensor[] {
  if (!asked?.some(({ parameters }) => parameters.classification !== undefined)) return outputs;
  return outputs.map((output) => {
    const parameters = asked.find(({ name }) => name === output.name)?.parameters ?? {};
    const k = countParameter(parameters, 'classification', `output '${output.name}'`);
    const spec = classes.specs.find(({ name }) => name === output.name);
    return k === undefined ? output : classified(output, k, spec?.shape[0] === -1, classes.labels);
  });
}

function classified(tensor: Tensor, k: number, isOpen: boolean, labels: readonly string[]): Tensor {
  const { name, shape } = tensor;
  const scores = scoresOf(tensor);
  const hasRows = isOpen && shape.length > 1;
  const rows = hasRows ? shape[0]! : 1;
  const size = rows === 0 ? 0 : scores.length / rows;
  const count = Math.min(k, size);
  if (rows * count > MAX_STRINGS) {
    throw new ServingError(
      'INVALID_REQUEST',
      `output '${name}': ${count} classes of ${rows} rows are more than ${MAX_STRINGS} strings`,
    );
  }
  const elements: Uint8Array[] = [];
  for (let row = 0; row < rows; row++) {
    const own = scores.subarray(row * size, (row + 1) * size);
    for (const index of highest(own, count)) {
      const label = labels[index] ?? '';
      const text = `${textOf(own, index)}:${index}${label === '' ? '' : `:${label}`}`;
      elements.push(Buffer.from(text));
    }
  }
  return { name, datatype: 'BYTES', shape: hasRows ? [rows, count] : [count], elements };
}

type Scores = Exclude<Tensor['elements'], readonly Uint8Array[]>;

/** @throws ServingError INVALID_REQUEST for a datatype without an order. */
function scoresOf({ name, datatype, elements }: Tensor): Scores {
  if (datatype === 'FP16') return float16ToFloat32(elements as Uint16Array);
  if (isClassifiable(datatype)) return elements as Scores;
  throw new ServingError('INVALID_REQUEST', `output '${name}': ${datatype} has no classes`);
}

/** Indices of the k highest, in order. O(n log n). */
function highest(scores: Scores, k: number): readonly number[] {
  const ordered = scores.slice().sort();
  let numbers = ordered.length;
  while (numbers > 0 && Number.isNaN(ordered[numbers - 1])) numbers--;
  const least = k > 0 && k <= numbers ? ordered[numbers - k]! : undefined;
  const above: number[] = [];
  const equal: number[] = [];
  scores.forEach((score: number | bigint, index: number) => {
    if (least === undefined || score > least) above.push(index);
    else if (score === least) equal.push(index);
  });
  const byScore = (a: number, b: number) => order(scores[a]!, scores[b]!) || a - b;
  return [...above.sort(byScore), ...equal].slice(0, k);
}

function order(a: number | bigint, b: number | bigint): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a === b ? 0 : a > b ? -1 : 1;
}

/** A score as C's printf writes it. */
function textOf(scores: Scores, index: number): string {
  const score = scores[index]!;
  if (!(scores instanceof Float32Array || scores instanceof Float64Array)) return String(score);
  const value = Number(score);
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Math.abs(value) >= 1e21) return `${BigInt(value)}.000000`;
  return Object.is(value, -0) ? '-0.000000' : value.toFixed(6);
}
