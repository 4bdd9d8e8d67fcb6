import { ServingError } from '../config/errors.ts';
import { assemble, type EncodedBody, tensorJson } from './encode-body.ts';
import type { NonFinitePolicy } from './json/json-writer.ts';
import { parametersJson } from './parameters.ts';
import type { InferRequest, InferResponse, Tensor } from './types.ts';

/**
 * Encodes a response in the form its request asked for: which outputs, in which order, which of them as binary data.
 *
 * @throws ServingError INVALID_REQUEST for an output that JSON cannot carry, INTERNAL for one that the model did not give.
 */
export function encodeInferResponse(
  response: InferResponse,
  request: Pick<InferRequest, 'parameters' | 'outputs'>,
  nonFinite: NonFinitePolicy = 'bare',
): EncodedBody {
  const isBinaryByDefault = request.parameters.binary_data_output === true;
  const chosen = askedOutputs(response, request).map((output, i) => ({
    output,
    isBinary: (request.outputs?.[i]?.parameters.binary_data ?? isBinaryByDefault) === true,
  }));
  const tensors = chosen.map(({ output, isBinary }) =>
    tensorJson(`output '${output.name}'`, output, isBinary, nonFinite),
  );
  const json = `${headJson(response)}"outputs":[${tensors.join(',')}]}`;
  return assemble(
    json,
    chosen.filter(({ isBinary }) => isBinary).map(({ output }) => output),
  );
}

/**
 * The outputs that a request asked for, in its order; all of them where it named none.
 *
 * @throws ServingError INTERNAL for one that the model did not give.
 */
export function askedOutputs(
  response: InferResponse,
  { outputs }: Pick<InferRequest, 'outputs'>,
): readonly Tensor[] {
  if (outputs === undefined || outputs.length === 0) return response.outputs;
  return outputs.map(({ name }) => outputNamed(response, name));
}

function outputNamed(response: InferResponse, name: string): Tensor {
  for (const output of response.outputs) if (output.name === name) return output;
  throw new ServingError('INTERNAL', `the model gave no output '${name}'`);
}

function headJson({ modelName, modelVersion, id, parameters }: InferResponse): string {
  let head = `{"model_name":${JSON.stringify(modelName)},"model_version":${JSON.stringify(modelVersion)},`;
  if (id !== undefined) head += `"id":${JSON.stringify(id)},`;
  for (const _ in parameters) return `${head}"parameters":${parametersJson(parameters)},`;
  return head;
}
