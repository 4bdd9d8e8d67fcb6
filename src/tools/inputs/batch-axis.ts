import { ServingError } from '../../config/errors.ts';
import type { TensorSpec } from '../../protocol/types.ts';

/** Names of a batch dimension: `batch`, `batch_size`, `N`, … */
const BATCH_NAME = /^(batch.*|n)$/i;

/** The axis of each input along which rows are stacked; null: the input has no rows. */
export type BatchAxes = ReadonlyMap<string, number | null>;

/**
 * The batch axis of every input: the given one, else the dimension that the model names like a batch, else axis 0. If the
 * model names the batch dimension of some inputs, an input of fixed shape without such a name has no rows.
 *
 * @param given - axes by input name.
 * @throws ServingError INVALID_REQUEST for an unknown input, or an axis that the input does not have.
 */
export function batchAxes(specs: readonly TensorSpec[], given: ReadonlyMap<string, number>): BatchAxes {
  for (const [name, axis] of given) {
    const rank = specs.find((spec) => spec.name === name)?.shape.length;
    if (rank === undefined) throw invalid(`batch axis: the model has no input '${name}'`);
    if (!Number.isInteger(axis) || axis < 0 || axis >= rank)
      throw invalid(`batch axis ${axis}: input '${name}' has axes 0 to ${rank - 1}`);
  }
  const isNamed = specs.some((spec) => namedAxis(spec) >= 0);
  return new Map(specs.map((spec) => [spec.name, given.get(spec.name) ?? axisOf(spec, isNamed)]));
}

function axisOf(spec: TensorSpec, isNamed: boolean): number | null {
  const named = namedAxis(spec);
  if (named >= 0) return named;
  const isFixed = spec.shape.every((size) => size >= 0);
  return spec.shape.length === 0 || (isNamed && isFixed) ? null : 0;
}

function namedAxis({ dimensionNames = [] }: TensorSpec): number {
  return dimensionNames.findIndex((name) => name !== undefined && BATCH_NAME.test(name));
}

function invalid(message: string): ServingError {
  return new ServingError('INVALID_REQUEST', message);
}
