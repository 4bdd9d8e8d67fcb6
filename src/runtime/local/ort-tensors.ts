import type { Tensor as OrtTensor } from 'onnxruntime-node';
import { datatypeOf, onnxTypeOf } from '../../protocol/datatypes.ts';
import type { Tensor, TensorElements } from '../../protocol/types.ts';

type OrtModule = typeof import('onnxruntime-node');

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * A tensor for ONNX Runtime over the same elements.
 *
 * @throws TypeError for BYTES that the binding would change: anything but UTF-8 text, and text with a NUL.
 */
export function toOrtTensor(ort: OrtModule, tensor: Tensor): OrtTensor {
  const elements = tensor.datatype === 'BYTES' ? texts(tensor) : tensor.elements;
  return new ort.Tensor(onnxTypeOf(tensor.datatype) as OrtTensor.Type, elements as never, tensor.shape);
}

function texts({ name, elements }: Tensor): string[] {
  return (elements as readonly Uint8Array[]).map((bytes, i) => {
    if (bytes.includes(0)) {
      throw new TypeError(`input '${name}': element ${i} holds a NUL, which ONNX Runtime would cut it at`);
    }
    try {
      return decoder.decode(bytes);
    } catch {
      throw new TypeError(`input '${name}': element ${i} is not UTF-8, and ONNX Runtime takes text only`);
    }
  });
}

/** A tensor of the protocol from a result of ONNX Runtime. */
export function fromOrtTensor(name: string, value: OrtTensor): Tensor {
  const datatype = datatypeOf(value.type);
  const elements =
    datatype === 'BYTES'
      ? (value.data as unknown as string[]).map((text) => encoder.encode(text))
      : (value.data as TensorElements);
  return { name, datatype, shape: value.dims, elements };
}
