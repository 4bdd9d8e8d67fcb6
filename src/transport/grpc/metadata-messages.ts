/** The messages of every RPC but `ModelInfer`. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { decodeProtobuf, FieldAllowance, Fields } from '../../protocol/grpc/fields.ts';
import type { ModelMetadata, TensorSpec } from '../../protocol/types.ts';

/** `ModelReadyRequest` and `ModelMetadataRequest`. @throws ServingError INVALID_REQUEST */
export function decodeModelMessage(message: Uint8Array): { readonly name: string; readonly version: string } {
  return decodeProtobuf(() => {
    const fields = new Fields(message, new FieldAllowance());
    let name = '';
    let version = '';
    while (fields.next()) {
      if (fields.number === 1) name = fields.text();
      else if (fields.number === 2) version = fields.text();
      else fields.skip();
    }
    return { name, version };
  });
}

/** `ServerLiveResponse`, `ServerReadyResponse` and `ModelReadyResponse`: one boolean. */
export function encodeBoolean(value: boolean): Uint8Array {
  return value ? new BinaryWriter().tag(1, WireType.Varint).bool(true).finish() : new Uint8Array();
}

/** `ServerMetadataResponse`. */
export function encodeServerMetadata(version: string, extensions: readonly string[]): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).string('taustat');
  writer.tag(2, WireType.LengthDelimited).string(version);
  for (const extension of extensions) writer.tag(3, WireType.LengthDelimited).string(extension);
  return writer.finish();
}

/** `ModelMetadataResponse`. */
export function encodeModelMetadata(metadata: ModelMetadata): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).string(metadata.name);
  for (const version of metadata.versions) writer.tag(2, WireType.LengthDelimited).string(version);
  writer.tag(3, WireType.LengthDelimited).string(metadata.platform);
  for (const input of metadata.inputs) writeSpec(writer, 4, input);
  for (const output of metadata.outputs) writeSpec(writer, 5, output);
  return writer.finish();
}

function writeSpec(writer: BinaryWriter, field: number, { name, datatype, shape }: TensorSpec): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).string(name);
  writer.tag(2, WireType.LengthDelimited).string(datatype);
  writer.tag(3, WireType.LengthDelimited).fork();
  for (const size of shape) writer.int64(size);
  writer.join().join();
}
