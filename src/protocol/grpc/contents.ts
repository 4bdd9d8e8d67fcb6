/**
 * `InferTensorContents`: the elements of one tensor in the field of its datatype.
 *
 * Elements are copied between the message and their typed array without an array of JavaScript numbers in between, floats
 * and booleans as blocks. Memory is allocated only after the message is known to be long enough for the shape.
 */
import { type BinaryReader, type BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { ServingError } from '../../config/errors.ts';
import { allocateElements, type NumericElements, viewElements } from '../datatypes.ts';
import { wrongCount } from '../shape.ts';
import type { Datatype, Tensor, TensorElements } from '../types.ts';
import { Fields } from './fields.ts';

const FIELD_NAMES = [
  'bool_contents',
  'int_contents',
  'int64_contents',
  'uint_contents',
  'uint64_contents',
  'fp32_contents',
  'fp64_contents',
  'bytes_contents',
] as const;

/** Field number by datatype; FP16 and BF16 have none. */
const FIELD_OF: Readonly<Record<Exclude<Datatype, 'FP16' | 'BF16'>, number>> = {
  BOOL: 1,
  INT8: 2,
  INT16: 2,
  INT32: 2,
  INT64: 3,
  UINT8: 4,
  UINT16: 4,
  UINT32: 4,
  UINT64: 5,
  FP32: 6,
  FP64: 7,
  BYTES: 8,
};

/** Datatypes that have typed contents. */
export type TypedDatatype = keyof typeof FIELD_OF;

/** Whether a datatype has typed contents; FP16 and BF16 travel raw. */
export function isTyped(datatype: Datatype): datatype is TypedDatatype {
  return Object.hasOwn(FIELD_OF, datatype);
}

/** A tensor's encoded contents and its shape. */
export interface ContentsSource {
  readonly label: string;
  readonly shape: readonly number[];
  /** Product of the shape. */
  readonly count: number;
  /** The `contents` message; several if it was sent in parts. */
  readonly contents: readonly Uint8Array[];
}

/** @throws ServingError INVALID_REQUEST if the contents are not `count` elements of the datatype. */
export function readContents(datatype: TypedDatatype, source: ContentsSource): TensorElements {
  const bytes = source.contents.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (source.count > bytes) throw wrongCount(source, `at most ${bytes}`);
  if (datatype === 'BYTES') return readByteStrings(source);
  if (datatype === 'FP32' || datatype === 'FP64') return readFloats(datatype, source);
  return readVarints(datatype, source);
}

/** Calls `visit` at every field of the datatype's contents. */
function eachField(datatype: TypedDatatype, source: ContentsSource, visit: (fields: Fields) => void): void {
  const own = FIELD_OF[datatype];
  for (const part of source.contents) {
    const fields = new Fields(part);
    while (fields.next()) {
      if (fields.number === own) {
        visit(fields);
        continue;
      }
      const other = FIELD_NAMES[fields.number - 1];
      if (other !== undefined) {
        throw new ServingError(
          'INVALID_REQUEST',
          `${source.label}: '${other}' is given, ${datatype} takes '${FIELD_NAMES[own - 1]}'`,
        );
      }
      fields.skip();
    }
  }
}

function readFloats(datatype: 'FP32' | 'FP64', source: ContentsSource): NumericElements {
  const size = datatype === 'FP32' ? 4 : 8;
  const bytes = new Uint8Array(source.count * size);
  let found = 0;
  eachField(datatype, source, (fields) => {
    const block = fields.fixed(size);
    if (found + block.byteLength <= bytes.byteLength) bytes.set(block, found);
    found += block.byteLength;
  });
  if (found !== bytes.byteLength) throw wrongCount(source, found / size);
  return viewElements(datatype, bytes.buffer, 0, source.count);
}

type VarintDatatype = Exclude<TypedDatatype, 'FP32' | 'FP64' | 'BYTES'>;

function readVarints(datatype: VarintDatatype, source: ContentsSource): NumericElements {
  const { label, count } = source;
  const elements = allocateElements(datatype, count);
  const read = VARINTS[FIELD_OF[datatype]]!;
  let index = 0;
  const readOne = (reader: BinaryReader) => {
    const value = read(reader);
    if (index === count) throw wrongCount(source, `more than ${count}`);
    elements[index] = value;
    if (elements[index] !== value) {
      throw new ServingError('INVALID_REQUEST', `${label}: element ${index} is ${value}, beyond ${datatype}`);
    }
    index++;
  };
  eachField(datatype, source, (fields) => fields.varints(readOne));
  if (index !== count) throw wrongCount(source, index);
  return elements;
}

const VARINTS: Readonly<Record<number, (reader: BinaryReader) => number | bigint>> = {
  1: (reader) => Number(reader.bool()),
  2: (reader) => reader.int32(),
  3: (reader) => BigInt(reader.int64()),
  4: (reader) => reader.uint32(),
  5: (reader) => BigInt(reader.uint64()),
};

function readByteStrings(source: ContentsSource): readonly Uint8Array[] {
  const elements: Uint8Array[] = [];
  eachField('BYTES', source, (fields) => {
    if (elements.length === source.count) throw wrongCount(source, `more than ${source.count}`);
    elements.push(fields.bytes());
  });
  if (elements.length !== source.count) throw wrongCount(source, elements.length);
  return elements;
}

/** Writes the fields of a tensor's contents. */
export function writeContents(writer: BinaryWriter, { datatype, elements }: Tensor): void {
  if (!isTyped(datatype)) throw new ServingError('INTERNAL', `${datatype} has no typed contents`);
  if (elements.length === 0) return;
  const field = FIELD_OF[datatype];
  if (datatype === 'BYTES') {
    for (const element of elements as readonly Uint8Array[])
      writer.tag(field, WireType.LengthDelimited).bytes(element);
    return;
  }
  writer.tag(field, WireType.LengthDelimited);
  if (datatype === 'FP32' || datatype === 'FP64' || datatype === 'BOOL') {
    const { buffer, byteOffset, byteLength } = elements as NumericElements;
    writer.bytes(new Uint8Array(buffer, byteOffset, byteLength));
    return;
  }
  writer.fork();
  writeVarints(writer, elements as NumericElements);
  writer.join();
}

function writeVarints(writer: BinaryWriter, elements: NumericElements): void {
  if (elements instanceof BigInt64Array) for (const element of elements) writer.int64(element);
  else if (elements instanceof BigUint64Array) for (const element of elements) writer.uint64(element);
  else for (const element of elements as Int32Array) writeSmall(writer, element);
}

/** Signed and unsigned elements have the same encoding unless they are negative. */
function writeSmall(writer: BinaryWriter, element: number): void {
  if (element < 0) writer.int32(element);
  else writer.uint32(element);
}
