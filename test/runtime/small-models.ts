import { type ModelProto, TensorProto_DataType } from 'onnx-buf';
import { encodeModel } from '../../src/onnx/model-file.ts';
import type { Tensor } from '../../src/protocol/types.ts';
import { BOOL, graph, INT64, model, node, tensor, value } from '../onnx/models.ts';

const IN = 4;
const HIDDEN = 8;
const OUT = 3;

/** Small integers, so that float32 arithmetic on them is exact in any order. */
const weights = (count: number, step: number) =>
  Array.from({ length: count }, (_, i) => ((i * step) % 7) - 3);
const INTO_HIDDEN = weights(IN * HIDDEN, 5);
const INTO_OUT = weights(HIDDEN * OUT, 3);

/** y = Relu(x · A) · B with x [N, 4], y [N, 3]: one site of 8 activations per row. */
export function perceptron(): ModelProto {
  return model({
    nodes: [
      node('MatMul', ['x', 'a'], 'h'),
      node('Relu', ['h'], 'r', {}, { name: 'relu' }),
      node('MatMul', ['r', 'b'], 'y'),
    ],
    inputs: [value('x', ['N', IN])],
    outputs: [value('y', ['N', OUT])],
    initializers: [tensor('a', [IN, HIDDEN], INTO_HIDDEN), tensor('b', [HIDDEN, OUT], INTO_OUT)],
  });
}

/** What `perceptron` computes, exact, with its activations zeroed below `threshold`. */
export function perceptronReference(x: readonly number[], threshold = 0) {
  const activations: number[] = [];
  const y: number[] = [];
  for (let row = 0; row < x.length / IN; row++) {
    const hidden = Array.from({ length: HIDDEN }, (_, j) => {
      let sum = 0;
      for (let i = 0; i < IN; i++) sum += x[row * IN + i]! * INTO_HIDDEN[i * HIDDEN + j]!;
      return Math.max(0, sum);
    });
    activations.push(...hidden);
    const gated = hidden.map((a) => (a >= threshold ? a : 0));
    for (let k = 0; k < OUT; k++) y.push(gated.reduce((sum, a, j) => sum + a * INTO_OUT[j * OUT + k]!, 0));
  }
  return { activations, y };
}

/** `rows` rows of small integers for `perceptron`. */
export function perceptronInput(rows: number, seed = 1): Tensor {
  const elements = Float32Array.from({ length: rows * IN }, (_, i) => ((i * 11 + seed * 3) % 13) - 6);
  return { name: 'x', datatype: 'FP32', shape: [rows, IN], elements };
}

/** y = x, for any element type: nothing to gate. */
export function identity(elementType: number): ModelProto {
  return model({
    nodes: [node('Identity', ['x'], 'y')],
    inputs: [value('x', ['N'], elementType)],
    outputs: [value('y', ['N'], elementType)],
  });
}

/** y = x + x over int64 [N]: integers only. */
export function doubling(): ModelProto {
  return model({
    nodes: [node('Add', ['x', 'x'], 'y')],
    inputs: [value('x', ['N'], INT64)],
    outputs: [value('y', ['N'], INT64)],
  });
}

const SIDE = 128;

/** y = s after `trips` products with the identity matrix: as slow as is asked for. */
export function slow(): ModelProto {
  const body = graph({
    nodes: [
      node('Identity', ['go'], 'goes'),
      node('MatMul', ['s', 'eye'], 'p'),
      node('Identity', ['p'], 'after'),
    ],
    inputs: [value('i', [], INT64), value('go', [], BOOL), value('s', [SIDE, SIDE])],
    outputs: [value('goes', [], BOOL), value('after', [SIDE, SIDE])],
  });
  const eye = Array.from({ length: SIDE * SIDE }, (_, i) => (i % (SIDE + 1) === 0 ? 1 : 0));
  return model({
    nodes: [
      node('Loop', ['trips', 'yes', 'eye'], 'end', { body }),
      node('ReduceSum', ['end'], 'y', { keepdims: 0n }),
    ],
    inputs: [value('trips', [], INT64)],
    outputs: [value('y', [])],
    initializers: [tensor('eye', [SIDE, SIDE], eye), tensor('yes', [], [1], BOOL)],
  });
}

export function trips(count: number): Tensor {
  return { name: 'trips', datatype: 'INT64', shape: [], elements: BigInt64Array.of(BigInt(count)) };
}

export const STRING = TensorProto_DataType.STRING;
export const bytesOf = (source: ModelProto): Uint8Array => encodeModel(source);
