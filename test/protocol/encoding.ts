import { ServingError } from '../../src/config/errors.ts';
import { decodeInferRequest } from '../../src/protocol/decode-request.ts';
import type { InferRequest, ModelMetadata, TensorSpec } from '../../src/protocol/types.ts';

const ENCODER = new TextEncoder();

export function bytesOf(text: string): Uint8Array {
  return ENCODER.encode(text);
}

/** A model of these inputs, one output 'y'. */
export function modelOf(...inputs: readonly TensorSpec[]): ModelMetadata {
  const outputs: readonly TensorSpec[] = [{ name: 'y', datatype: 'FP32', shape: [-1] }];
  return { name: 'm', versions: ['1'], platform: 'onnxruntime_onnx', inputs, outputs };
}

export function decodeText(text: string, model: ModelMetadata, maxBatch?: number): InferRequest {
  return decodeInferRequest(bytesOf(text), undefined, model, { maxBatch });
}

/** The message with which something is refused; the code must be INVALID_REQUEST. */
export function refusal(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ServingError && error.code === 'INVALID_REQUEST') return error.message;
    throw error;
  }
  throw new Error('it was accepted');
}
