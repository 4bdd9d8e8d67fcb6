import { ServingError } from '../errors.ts';
import { binarySize, writeBinary } from './binary-codec.ts';
import { type NonFinitePolicy, writeJsonElements } from './json-writer.ts';
import type { InferRequest, InferResponse, Tensor } from './types.ts';

/** A body; `headerLength` is set when binary data follows that many bytes of JSON. */
export interface EncodedBody {
  readonly body: Uint8Array;
  readonly headerLength?: number;
}

const ENCODER = new TextEncoder();

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
  const isAll = request.outputs === undefined || request.outputs.length === 0;
  const chosen = isAll
    ? response.outputs.map((output) => ({ output, isBinary: isBinaryByDefault }))
    : request.outputs.map(({ name, parameters }) => ({
        output: outputNamed(response, name),
        isBinary: (parameters.binary_data ?? isBinaryByDefault) === true,
      }));
  const tensors = chosen.map(({ output, isBinary }) => tensorJson(output, isBinary, nonFinite));
  const json = `${headJson(response)}"outputs":[${tensors.join(',')}]}`;
  return assemble(
    json,
    chosen.filter(({ isBinary }) => isBinary).map(({ output }) => output),
  );
}

function outputNamed(response: InferResponse, name: string): Tensor {
  for (const output of response.outputs) if (output.name === name) return output;
  throw new ServingError('INTERNAL', `the model gave no output '${name}'`);
}

function headJson({ modelName, modelVersion, id, parameters }: InferResponse): string {
  let head = `{"model_name":${JSON.stringify(modelName)},"model_version":${JSON.stringify(modelVersion)},`;
  if (id !== undefined) head += `"id":${JSON.stringify(id)},`;
  for (const _ in parameters) return `${head}"parameters":${JSON.stringify(parameters)},`;
  return head;
}

function tensorJson(tensor: Tensor, isBinary: boolean, nonFinite: NonFinitePolicy): string {
  const head = `{"name":${JSON.stringify(tensor.name)},"datatype":"${tensor.datatype}","shape":[${tensor.shape.join(',')}],`;
  if (isBinary) return `${head}"parameters":{"binary_data_size":${binarySize(tensor)}}}`;
  return `${head}"data":${writeJsonElements(tensor, nonFinite)}}`;
}

/** The JSON text, then the binary tensors, in one buffer. */
export function assemble(json: string, binaryTensors: readonly Tensor[]): EncodedBody {
  const head = ENCODER.encode(json);
  if (binaryTensors.length === 0) return { body: head };
  const size = binaryTensors.reduce((sum, tensor) => sum + binarySize(tensor), 0);
  const body = new Uint8Array(head.byteLength + size);
  body.set(head);
  let at = head.byteLength;
  for (const tensor of binaryTensors) at = writeBinary(tensor, body, at);
  return { body, headerLength: head.byteLength };
}
