import { ServingError } from '../../config/errors.ts';
import type { Tensor } from '../types.ts';
import { notInJson } from './json-elements.ts';

/**
 * What a NaN or an infinity becomes in JSON: a bare word (`NaN`, `Infinity`, `-Infinity`), which the reference client
 * reads, or an error. Never null.
 */
export type NonFinitePolicy = 'bare' | 'error';

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The `data` array of a tensor as JSON text, flat in row-major order.
 *
 * Floats are written with the shortest digits that float64 reads back exactly, −0 with its sign; integers exactly.
 *
 * @throws ServingError INVALID_REQUEST for FP16, BF16, BYTES that are not UTF-8, or non-finite values under 'error'.
 */
export function writeJsonElements(label: string, tensor: Tensor, nonFinite: NonFinitePolicy): string {
  const { datatype, elements } = tensor;
  switch (datatype) {
    case 'BYTES':
      return `[${(elements as readonly Uint8Array[]).map((element) => quote(element, label)).join(',')}]`;
    case 'FP16':
    case 'BF16':
      throw notInJson(label, datatype);
    case 'BOOL':
      return `[${Array.from(elements as Uint8Array, (element) => element !== 0).join(',')}]`;
    case 'FP32':
    case 'FP64':
      return writeFloats(elements as Float32Array | Float64Array, nonFinite, label);
    case 'INT64':
    case 'UINT64':
      return `[${elements.join(',')}]`;
    default:
      return JSON.stringify(Array.from(elements as Int32Array));
  }
}

function writeFloats(
  elements: Float32Array | Float64Array,
  nonFinite: NonFinitePolicy,
  label: string,
): string {
  const isPlain = elements.every((value) => Number.isFinite(value) && !Object.is(value, -0));
  if (isPlain) return JSON.stringify(Array.from(elements));
  if (nonFinite === 'error') {
    const index = elements.findIndex((value) => !Number.isFinite(value));
    if (index >= 0) {
      throw new ServingError(
        'INFERENCE_FAILED',
        `${label}: element ${index} is ${elements[index]}, which JSON cannot carry`,
      );
    }
  }
  return `[${Array.from(elements, (value) => (Object.is(value, -0) ? '-0' : String(value))).join(',')}]`;
}

function quote(bytes: Uint8Array, label: string): string {
  try {
    return JSON.stringify(DECODER.decode(bytes));
  } catch {
    throw new ServingError(
      'INVALID_REQUEST',
      `${label}: an element is not UTF-8 and JSON cannot carry it, ask for binary_data`,
    );
  }
}
