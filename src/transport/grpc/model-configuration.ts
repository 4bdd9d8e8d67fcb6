import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { ModelConfiguration } from '../../plane/model-configuration.ts';
import type { TensorSpec } from '../../protocol/types.ts';
import { tritonType } from '../triton-type.ts';

const US_PER_MS = 1000;
const KIND_CPU = 2;

/** `ModelConfigResponse`: the parts of Triton's `ModelConfig` that apply. */
export function encodeModelConfiguration(configuration: ModelConfiguration): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).fork();
  writeConfiguration(writer, configuration);
  return writer.join().finish();
}

function writeConfiguration(writer: BinaryWriter, configuration: ModelConfiguration): void {
  const { name, platform, backend, versions, maxBatch, inputs, optionalInputs, outputs } = configuration;
  const { instances, batchDelayMs, fileName, labelFileName, parameters } = configuration;
  writer.tag(1, WireType.LengthDelimited).string(name);
  writer.tag(2, WireType.LengthDelimited).string(platform);
  writer.tag(3, WireType.LengthDelimited).fork();
  writer.tag(versions === 'latest' ? 1 : 2, WireType.LengthDelimited).fork();
  if (versions === 'latest') writer.tag(1, WireType.Varint).uint32(1);
  writer.join().join();
  writer.tag(4, WireType.Varint).int32(maxBatch);
  for (const input of [...inputs, ...optionalInputs]) {
    writer.tag(5, WireType.LengthDelimited).fork();
    writeSpec(writer, 4, input);
    if (optionalInputs.includes(input)) writer.tag(8, WireType.Varint).bool(true);
    writer.join();
  }
  for (const output of outputs) {
    writer.tag(6, WireType.LengthDelimited).fork();
    writeSpec(writer, 3, output);
    if (labelFileName !== '') writer.tag(5, WireType.LengthDelimited).string(labelFileName);
    writer.join();
  }
  writer.tag(7, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).string(`${name}_0`);
  writer.tag(2, WireType.Varint).int32(instances);
  writer.tag(4, WireType.Varint).int32(KIND_CPU);
  writer.join();
  writer.tag(8, WireType.LengthDelimited).string(fileName);
  if (batchDelayMs !== undefined) {
    writer.tag(11, WireType.LengthDelimited).fork();
    writer.tag(2, WireType.Varint).uint64(batchDelayMs * US_PER_MS);
    writer.join();
  }
  for (const [key, text] of Object.entries(parameters)) {
    writer.tag(14, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(key);
    writer.tag(2, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(text);
    writer.join().join();
  }
  writer.tag(17, WireType.LengthDelimited).string(backend);
}

/** @param dims - field number of the shape, which differs between inputs and outputs. */
function writeSpec(writer: BinaryWriter, dims: number, spec: TensorSpec): void {
  writer.tag(1, WireType.LengthDelimited).string(spec.name);
  writer.tag(2, WireType.Varint).int32(tritonType(spec.datatype).number);
  writer.tag(dims, WireType.LengthDelimited).fork();
  for (const size of spec.shape) writer.int64(size);
  writer.join();
}
