/**
 * The binary tensor data extension: little-endian, row-major, no padding; BYTES as a 4-byte length and the bytes.
 */
import { ServingError } from '../../config/errors.ts';
import { elementBytes, viewElements } from '../datatypes.ts';
import type { Datatype, Tensor, TensorElements } from '../types.ts';

function invalid(message: string): ServingError {
  return new ServingError('INVALID_REQUEST', message);
}

/**
 * Elements of one tensor from exactly its bytes.
 *
 * Shares memory with `bytes` where its offset suits the datatype, copies where it does not.
 *
 * @param label - 'input' or 'output' and the tensor's name, for messages.
 * @throws ServingError INVALID_REQUEST when the bytes are not `count` elements.
 */
export function decodeBinary(
  label: string,
  datatype: Datatype,
  count: number,
  bytes: Uint8Array,
): TensorElements {
  if (datatype === 'BYTES') return decodeByteStrings(label, count, bytes);
  const size = elementBytes(datatype);
  if (bytes.byteLength !== count * size) {
    throw invalid(
      `${label}: ${bytes.byteLength} bytes, ${count} elements of ${datatype} need ${count * size}`,
    );
  }
  if (datatype === 'BOOL') checkBooleans(label, bytes);
  const { buffer, byteOffset, byteLength } = bytes;
  if (byteOffset % size === 0) return viewElements(datatype, buffer, byteOffset, count);
  return viewElements(datatype, buffer.slice(byteOffset, byteOffset + byteLength), 0, count);
}

function checkBooleans(label: string, bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i]! > 1) throw invalid(`${label}: byte ${i} is ${bytes[i]}, BOOL is 0 or 1`);
  }
}

function decodeByteStrings(label: string, count: number, bytes: Uint8Array): readonly Uint8Array[] {
  if (bytes.byteLength < count * 4) {
    throw invalid(`${label}: ${bytes.byteLength} bytes cannot hold ${count} elements of BYTES`);
  }
  const elements: Uint8Array[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 4 > bytes.byteLength) throw invalid(`${label}: element ${i} has a truncated length prefix`);
    const length = view.getUint32(at, true);
    at += 4;
    if (at + length > bytes.byteLength) {
      throw invalid(`${label}: element ${i} claims ${length} bytes, ${bytes.byteLength - at} remain`);
    }
    elements.push(bytes.subarray(at, at + length));
    at += length;
  }
  if (at !== bytes.byteLength) {
    throw invalid(`${label}: ${bytes.byteLength - at} bytes follow the last of ${count} elements`);
  }
  return elements;
}

/** Bytes that a tensor takes in the binary form. */
export function binarySize(tensor: Tensor): number {
  const { datatype, elements } = tensor;
  if (datatype !== 'BYTES') return elements.length * elementBytes(datatype);
  let size = 0;
  for (const element of elements as readonly Uint8Array[]) size += 4 + element.byteLength;
  return size;
}

/** Writes a tensor's binary form at `offset` and returns the offset after it. */
export function writeBinary(tensor: Tensor, into: Uint8Array, offset: number): number {
  if (tensor.datatype !== 'BYTES') {
    const { buffer, byteOffset, byteLength } = tensor.elements as Uint8Array;
    into.set(new Uint8Array(buffer, byteOffset, byteLength), offset);
    return offset + byteLength;
  }
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
  let at = offset;
  for (const element of tensor.elements as readonly Uint8Array[]) {
    view.setUint32(at, element.byteLength, true);
    into.set(element, at + 4);
    at += 4 + element.byteLength;
  }
  return at;
}
