import { assemble, type EncodedBody, tensorJson } from './encode-body.ts';
import { parametersJson } from './parameters.ts';
import type { InferRequest, RequestedOutput, Tensor } from './types.ts';

/**
 * Encodes a request, as a client does.
 *
 * @param isBinary - send the tensors as binary data; FP16 and BF16 always are.
 * @throws ServingError INVALID_REQUEST for BYTES that are not UTF-8 without `isBinary`.
 */
export function encodeInferRequest(request: InferRequest, isBinary: boolean): EncodedBody {
  const isBinaryTensor = ({ datatype }: Tensor) => isBinary || datatype === 'FP16' || datatype === 'BF16';
  const inputs = request.inputs.map((input) =>
    tensorJson(`input '${input.name}'`, input, isBinaryTensor(input), 'bare'),
  );
  const { id, parameters, outputs } = request;
  const members = [`"inputs":[${inputs.join(',')}]`, `"parameters":${parametersJson(parameters)}`];
  if (id !== undefined) members.push(`"id":${JSON.stringify(id)}`);
  if (outputs !== undefined) members.push(`"outputs":[${outputs.map(outputJson).join(',')}]`);
  return assemble(`{${members.join(',')}}`, request.inputs.filter(isBinaryTensor));
}

function outputJson({ name, parameters }: RequestedOutput): string {
  return `{"name":${JSON.stringify(name)},"parameters":${parametersJson(parameters)}}`;
}
