import { formatShape } from '../../protocol/shape.ts';
import type { Tensor, TensorSpec } from '../../protocol/types.ts';
import { UpstreamFault } from './client.ts';

/**
 * The tensors that were asked for, in that order, if they are what the model declares.
 *
 * @param rows - dimension 0 of each that varies there; undefined: any.
 * @throws UpstreamFault of kind `failed` for a tensor that is missing, of another datatype or shape.
 */
export function checkedAnswer(
  answer: readonly Tensor[],
  asked: readonly string[],
  specs: readonly TensorSpec[],
  rows: number | undefined,
): Tensor[] {
  return asked.map((name) => {
    const tensor = answer.find((output) => output.name === name);
    if (tensor === undefined) throw wrong(`output '${name}' is missing`);
    const spec = specs.find((one) => one.name === name);
    if (spec === undefined) return tensor;
    const { datatype, shape } = tensor;
    if (datatype !== spec.datatype) throw wrong(`output '${name}' is ${datatype}, expected ${spec.datatype}`);
    const expected = spec.shape.map((size, axis) =>
      size < 0 && axis === 0 && rows !== undefined ? rows : size,
    );
    // [-1] is also said of a tensor of unknown rank.
    const isOpen = spec.shape.length === 1 && spec.shape[0] === -1;
    const isFitting =
      (isOpen && rows === undefined) ||
      (shape.length === expected.length && expected.every((size, axis) => size < 0 || size === shape[axis]));
    if (!isFitting)
      throw wrong(`output '${name}' has shape ${formatShape(shape)}, expected ${formatShape(expected)}`);
    return tensor;
  });
}

function wrong(what: string): UpstreamFault {
  return new UpstreamFault('failed', `upstream: wrong answer: ${what}`);
}
