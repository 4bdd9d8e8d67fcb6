/** `map<string, InferParameter>`: the parameters of requests, tensors and responses. */
import { type BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { MAX_PARAMETERS, tooMany } from '../counts.ts';
import type { JsonValue } from '../json/json-reader.ts';
import type { Parameter, Parameters } from '../types.ts';
import { type FieldAllowance, Fields } from './fields.ts';

/**
 * Reads one entry of the map into `parameters`. An integer becomes a number, or a bigint if a number would round it. A
 * parameter without a value is null.
 */
export function readParameterEntry(
  entry: Uint8Array,
  parameters: Map<string, JsonValue>,
  allowance: FieldAllowance,
): void {
  const fields = new Fields(entry, allowance);
  let name = '';
  let value: Parameter | null = null;
  while (fields.next()) {
    if (fields.number === 1) name = fields.text();
    else if (fields.number === 2) value = readChoice(fields.bytes(), allowance);
    else fields.skip();
  }
  if (parameters.size === MAX_PARAMETERS && !parameters.has(name))
    throw tooMany('parameters', MAX_PARAMETERS);
  parameters.set(name, value);
}

function readChoice(parameter: Uint8Array, allowance: FieldAllowance): Parameter | null {
  const fields = new Fields(parameter, allowance);
  let value: Parameter | null = null;
  while (fields.next()) {
    switch (fields.number) {
      case 1:
        value = fields.bool();
        break;
      case 2:
        value = integerOf(fields.int64());
        break;
      case 3:
        value = fields.text();
        break;
      case 4:
        value = fields.double();
        break;
      case 5:
        value = integerOf(fields.uint64());
        break;
      default:
        fields.skip();
    }
  }
  return value;
}

function integerOf(value: bigint): number | bigint {
  const rounded = Number(value);
  return Number.isSafeInteger(rounded) ? rounded : value;
}

/**
 * Writes a map field. A number becomes a double, so that a parameter's type does not depend on its value; a bigint becomes
 * int64, or uint64 beyond int64.
 */
export function writeParameters(writer: BinaryWriter, field: number, parameters: Parameters): void {
  for (const [name, value] of Object.entries(parameters)) {
    writer.tag(field, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(name);
    writer.tag(2, WireType.LengthDelimited).fork();
    if (typeof value === 'boolean') writer.tag(1, WireType.Varint).bool(value);
    else if (typeof value === 'string') writer.tag(3, WireType.LengthDelimited).string(value);
    else if (typeof value === 'bigint') writeInteger(writer, value);
    else writer.tag(4, WireType.Bit64).double(value);
    writer.join().join();
  }
}

function writeInteger(writer: BinaryWriter, value: bigint): void {
  if (value < 2n ** 63n) writer.tag(2, WireType.Varint).int64(value);
  else writer.tag(5, WireType.Varint).uint64(value);
}
