/** From a request as a transport found it to checked tensors: one way for JSON, binary data and gRPC. */
import { ServingError } from '../config/errors.ts';
import { isClassifiable } from './datatypes.ts';
import { booleanParameter, countParameter } from './parameters.ts';
import { checkedCount, checkShape, shapeOf } from './shape.ts';
import type {
  Datatype,
  ModelMetadata,
  Parameters,
  RequestedOutput,
  Tensor,
  TensorElements,
} from './types.ts';
import { checkComplete, checkDatatype, checkUnique, inputSpec, outputSpec } from './validate.ts';

/** An input as it arrived: what it claims, and its elements, which are read once the rest fits the model. */
export interface ArrivedInput {
  readonly name: string;
  readonly datatype: unknown;
  readonly shape: unknown;
  /**
   * @param label - "input 'x'", for messages.
   * @param count - product of the shape.
   * @throws ServingError INVALID_REQUEST
   */
  readElements(label: string, datatype: Datatype, shape: readonly number[], count: number): TensorElements;
}

/**
 * The inputs of a request, each once and none missing, of the model's datatypes and shapes.
 *
 * @throws ServingError INVALID_REQUEST
 */
export function checkedInputs(arrived: readonly ArrivedInput[], model: ModelMetadata): readonly Tensor[] {
  checkUnique('input', arrived);
  const inputs = arrived.map((input) => {
    const spec = inputSpec(model, input.name);
    const { name, datatype } = spec;
    const label = `input '${name}'`;
    checkDatatype(input.datatype, spec);
    const shape = shapeOf(input.shape, label);
    checkShape(spec, shape);
    const count = checkedCount(label, datatype, shape);
    return { name, datatype, shape, elements: input.readElements(label, datatype, shape, count) };
  });
  checkComplete(model, inputs);
  return inputs;
}

/**
 * The outputs that a request asks for by name, each once.
 *
 * @throws ServingError INVALID_REQUEST
 */
export function checkedOutputs(
  arrived: Iterable<{ readonly name: string; readonly readParameters: (label: string) => Parameters }>,
  model: ModelMetadata,
): readonly RequestedOutput[] {
  const outputs = Array.from(arrived, ({ name, readParameters }) => {
    const spec = outputSpec(model, name);
    const label = `output '${name}'`;
    const parameters = readParameters(label);
    booleanParameter(parameters, 'binary_data', label);
    checkClassification(parameters, label, spec.datatype);
    return { name, parameters };
  });
  checkUnique('output', outputs);
  return outputs;
}

function checkClassification(parameters: Parameters, label: string, datatype: Datatype): void {
  const count = countParameter(parameters, 'classification', label);
  if (count === undefined) return;
  if (count === 0)
    throw new ServingError('INVALID_REQUEST', `${label}: parameter 'classification' must be positive`);
  if (!isClassifiable(datatype))
    throw new ServingError('INVALID_REQUEST', `${label}: ${datatype} has no classes`);
}
