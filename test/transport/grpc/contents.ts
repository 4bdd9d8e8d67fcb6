/** Elements in and out of `InferTensorContents`, as a client that uses the published messages does it. */
import type { Datatype, Tensor, TensorElements } from '../../../src/protocol/types.ts';
import type { ContentsMessage } from './oracle.ts';

/** The contents message of elements, chosen by what they are rather than by what a datatype says. */
export function contentsOf({ datatype, elements }: Pick<Tensor, 'datatype' | 'elements'>): ContentsMessage {
  if (datatype === 'BOOL') return { bool_contents: Array.from(elements as Uint8Array, Boolean) };
  if (elements instanceof Float32Array) return { fp32_contents: [...elements] };
  if (elements instanceof Float64Array) return { fp64_contents: [...elements] };
  if (elements instanceof BigInt64Array) return { int64_contents: Array.from(elements, String) };
  if (elements instanceof BigUint64Array) return { uint64_contents: Array.from(elements, String) };
  if (!ArrayBuffer.isView(elements)) return { bytes_contents: elements };
  const isSigned =
    elements instanceof Int8Array || elements instanceof Int16Array || elements instanceof Int32Array;
  return isSigned ? { int_contents: [...elements] } : { uint_contents: [...elements] };
}

/** The elements that a contents message holds for a datatype. */
export function elementsIn(datatype: Datatype, contents: ContentsMessage): TensorElements {
  switch (datatype) {
    case 'BOOL':
      return Uint8Array.from(contents.bool_contents!, Number);
    case 'INT8':
      return Int8Array.from(contents.int_contents!);
    case 'INT16':
      return Int16Array.from(contents.int_contents!);
    case 'INT32':
      return Int32Array.from(contents.int_contents!);
    case 'INT64':
      return BigInt64Array.from(contents.int64_contents!, BigInt);
    case 'UINT8':
      return Uint8Array.from(contents.uint_contents!);
    case 'UINT16':
      return Uint16Array.from(contents.uint_contents!);
    case 'UINT32':
      return Uint32Array.from(contents.uint_contents!);
    case 'UINT64':
      return BigUint64Array.from(contents.uint64_contents!, BigInt);
    case 'FP32':
      return Float32Array.from(contents.fp32_contents!);
    case 'FP64':
      return Float64Array.from(contents.fp64_contents!);
    case 'BYTES':
      return contents.bytes_contents!.map((element) => Uint8Array.from(element));
    default:
      throw new Error(`${datatype} has no typed contents`);
  }
}
