/** Messages of `inference.GRPCInferenceService` as a client writes and reads them; those of `ModelInfer` are the protocol's. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { MAX_RANK, MAX_TENSORS } from '../../protocol/counts.ts';
import { isDatatype } from '../../protocol/datatypes.ts';
import { append, decodeProtobuf, Fields, invalidMessage } from '../../protocol/grpc/fields.ts';
import type { ModelMetadata, TensorSpec } from '../../protocol/types.ts';

/** `ModelReadyRequest`, `ModelMetadataRequest` and `ModelConfigRequest`. */
export function encodeModelName(model: string): Uint8Array {
  return new BinaryWriter().tag(1, WireType.LengthDelimited).string(model).finish();
}

/** `ModelReadyResponse`: one boolean. */
export function decodeBoolean(message: Uint8Array): boolean {
  return decodeProtobuf(() => {
    const fields = new Fields(message);
    let value = false;
    while (fields.next()) {
      if (fields.number === 1) value = fields.bool();
      else fields.skip();
    }
    return value;
  });
}

/** `ModelMetadataResponse`. @throws ServingError INVALID_REQUEST */
export function decodeModelMetadata(message: Uint8Array): ModelMetadata {
  return decodeProtobuf(() => {
    const fields = new Fields(message);
    const versions: string[] = [];
    const inputs: TensorSpec[] = [];
    const outputs: TensorSpec[] = [];
    let name = '';
    let platform = '';
    while (fields.next()) {
      if (fields.number === 1) name = fields.text();
      else if (fields.number === 2) versions.push(fields.text());
      else if (fields.number === 3) platform = fields.text();
      else if (fields.number === 4) append(inputs, readSpec(fields.bytes()), 'inputs', MAX_TENSORS);
      else if (fields.number === 5) append(outputs, readSpec(fields.bytes()), 'outputs', MAX_TENSORS);
      else fields.skip();
    }
    return { name, versions, platform, inputs, outputs };
  });
}

function readSpec(message: Uint8Array): TensorSpec {
  const fields = new Fields(message);
  const shape: number[] = [];
  let name = '';
  let datatype = '';
  while (fields.next()) {
    if (fields.number === 1) name = fields.text();
    else if (fields.number === 2) datatype = fields.text();
    else if (fields.number === 3)
      fields.varints((reader) => append(shape, Number(reader.int64()), 'dimensions', MAX_RANK));
    else fields.skip();
  }
  if (!isDatatype(datatype)) throw invalidMessage(`tensor '${name}': unknown datatype '${datatype}'`);
  return { name, datatype, shape };
}

/** The `parameters` of a `ModelConfigResponse`. @throws ServingError INVALID_REQUEST */
export function decodeConfigParameters(message: Uint8Array): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  decodeProtobuf(() => {
    for (const config of messagesIn(message, 1))
      for (const entry of messagesIn(config, 14)) {
        const [key] = messagesIn(entry, 1);
        const [value] = messagesIn(entry, 2).flatMap((parameter) => messagesIn(parameter, 1));
        if (key !== undefined && value !== undefined)
          found[Buffer.from(key).toString()] = Buffer.from(value).toString();
      }
  });
  return found;
}

function messagesIn(message: Uint8Array, number: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  const fields = new Fields(message);
  while (fields.next()) {
    if (fields.number === number) found.push(fields.bytes());
    else fields.skip();
  }
  return found;
}
