/** Decodes `ModelInferRequest` and checks it against the model, by the same checks as other transports. */
import { ServingError } from '../../config/errors.ts';
import { checkedInputs, checkedOutputs } from '../../protocol/arrived-request.ts';
import { decodeBinary } from '../../protocol/binary/binary-codec.ts';
import { MAX_RANK, MAX_TENSORS, MAX_VALUES } from '../../protocol/counts.ts';
import type { DecodeLimits } from '../../protocol/decode-request.ts';
import { isTyped, readContents } from '../../protocol/grpc/contents.ts';
import { append, decodeProtobuf, FieldAllowance, Fields } from '../../protocol/grpc/fields.ts';
import { readParameterEntry } from '../../protocol/grpc/parameters.ts';
import type { JsonValue } from '../../protocol/json/json-reader.ts';
import { checkReserved, readParameters } from '../../protocol/parameters.ts';
import { wrongCount } from '../../protocol/shape.ts';
import type { Datatype, InferRequest, ModelMetadata, TensorElements } from '../../protocol/types.ts';
import { checkBatch } from '../../protocol/validate.ts';

interface InputMessage {
  name: string;
  datatype: string;
  readonly shape: number[];
  readonly parameters: Map<string, JsonValue>;
  /** The `contents` message; several if it was sent in parts. */
  readonly contents: Uint8Array[];
}

interface OutputMessage {
  name: string;
  readonly parameters: Map<string, JsonValue>;
}

/** A decoded, unchecked `ModelInferRequest`. Bytes share memory with the message. */
export interface InferMessage {
  model: string;
  version: string;
  id: string;
  readonly parameters: Map<string, JsonValue>;
  readonly inputs: InputMessage[];
  readonly outputs: OutputMessage[];
  /** `raw_input_contents`; empty if the contents are typed. */
  readonly raw: Uint8Array[];
}

function invalid(message: string): ServingError {
  return new ServingError('INVALID_REQUEST', message);
}

/** @throws ServingError INVALID_REQUEST if the bytes are no such message. */
export function decodeInferMessage(message: Uint8Array): InferMessage {
  return decodeProtobuf(() => {
    const allowance = new FieldAllowance();
    const fields = new Fields(message, allowance);
    const request: InferMessage = {
      model: '',
      version: '',
      id: '',
      parameters: new Map(),
      inputs: [],
      outputs: [],
      raw: [],
    };
    while (fields.next()) {
      switch (fields.number) {
        case 1:
          request.model = fields.text();
          break;
        case 2:
          request.version = fields.text();
          break;
        case 3:
          request.id = fields.text();
          break;
        case 4:
          readParameterEntry(fields.bytes(), request.parameters, allowance);
          break;
        case 5:
          append(request.inputs, readInput(fields.bytes(), allowance), 'inputs', MAX_TENSORS);
          break;
        case 6:
          append(request.outputs, readOutput(fields.bytes(), allowance), 'outputs', MAX_TENSORS);
          break;
        case 7:
          append(request.raw, fields.bytes(), 'raw_input_contents', MAX_TENSORS);
          break;
        default:
          fields.skip();
      }
    }
    return request;
  });
}

function readInput(message: Uint8Array, allowance: FieldAllowance): InputMessage {
  const input: InputMessage = { name: '', datatype: '', shape: [], parameters: new Map(), contents: [] };
  const fields = new Fields(message, allowance);
  while (fields.next()) {
    switch (fields.number) {
      case 1:
        input.name = fields.text();
        break;
      case 2:
        input.datatype = fields.text();
        break;
      case 3:
        fields.varints((reader) => {
          append(input.shape, Number(reader.int64()), 'dimensions', MAX_RANK);
        });
        break;
      case 4:
        readParameterEntry(fields.bytes(), input.parameters, allowance);
        break;
      case 5:
        append(input.contents, fields.bytes(), 'contents', MAX_VALUES);
        break;
      default:
        fields.skip();
    }
  }
  return input;
}

function readOutput(message: Uint8Array, allowance: FieldAllowance): OutputMessage {
  const output: OutputMessage = { name: '', parameters: new Map() };
  const fields = new Fields(message, allowance);
  while (fields.next()) {
    if (fields.number === 1) output.name = fields.text();
    else if (fields.number === 2) readParameterEntry(fields.bytes(), output.parameters, allowance);
    else fields.skip();
  }
  return output;
}

/**
 * Checks a message against the model that it names.
 *
 * @throws ServingError INVALID_REQUEST if the model cannot be run on it.
 */
export function checkedRequest(
  message: InferMessage,
  model: ModelMetadata,
  limits: DecodeLimits,
): InferRequest {
  const { id, inputs, outputs } = message;
  const parameters = readParameters(message.parameters, 'request');
  checkReserved(parameters);
  checkForm(message);
  const tensors = decodeProtobuf(() =>
    checkedInputs(
      inputs.map((input, i) => ({
        name: named(input.name, 'input'),
        datatype: input.datatype,
        shape: input.shape,
        readElements: (label, datatype, shape, count) => {
          readParameters(input.parameters, label);
          return readElements(message, i, { label, datatype, shape, count });
        },
      })),
      model,
    ),
  );
  checkBatch(model, tensors, limits.maxBatch);
  return {
    parameters,
    inputs: tensors,
    outputs: checkedOutputs(
      outputs.map((output) => ({
        name: named(output.name, 'output'),
        readParameters: (label) => readParameters(output.parameters, label),
      })),
      model,
    ),
    ...(id === '' ? {} : { id }),
  };
}

function named(name: string, kind: 'input' | 'output'): string {
  if (name !== '') return name;
  throw invalid(`${kind}: 'name' must be a non-empty string`);
}

/** Either every input is raw, or none. */
function checkForm({ inputs, raw }: InferMessage): void {
  if (inputs.length === 0) throw invalid("request: 'inputs' must be a non-empty array");
  if (raw.length === 0) return;
  const typed = inputs.find(({ contents }) => contents.length > 0);
  if (typed !== undefined) {
    throw invalid(`input '${typed.name}': both 'contents' and 'raw_input_contents' are given`);
  }
  if (raw.length === inputs.length) return;
  throw invalid(`request: ${raw.length} 'raw_input_contents' for ${inputs.length} inputs`);
}

interface Claims {
  readonly label: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly count: number;
}

function readElements(
  { raw, inputs }: InferMessage,
  index: number,
  { label, datatype, shape, count }: Claims,
): TensorElements {
  const bytes = raw[index];
  if (bytes !== undefined) return decodeBinary(label, datatype, count, bytes);
  const { contents } = inputs[index]!;
  if (!isTyped(datatype)) {
    throw invalid(`${label}: ${datatype} has no typed contents, use raw_input_contents`);
  }
  if (contents.length === 0 && count > 0) throw wrongCount({ label, shape, count }, 'no');
  return readContents(datatype, { label, shape, count, contents });
}
