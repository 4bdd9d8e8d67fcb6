import { create } from '@bufbuild/protobuf';
import { type TensorProto, TensorProto_DataType, TensorProtoSchema } from 'onnx-buf';
import { decodeModel, encodeModel } from './model-file.ts';
import { MEASURE_INPUT, THRESHOLD_INPUT } from './names.ts';
import { copyOf } from './rewriting.ts';

/**
 * Gives the thresholds of a rewritten model a default, so that a request may leave them out: an initializer [S] of the name of
 * the input, or [1, S], which is for all rows, where thresholds are per row. A model that can measure does not by default. Whoever
 * sends the input overrides it.
 */
export function withDefaultThreshold(bytes: Uint8Array, threshold: number, sites: number): Uint8Array {
  const model = decodeModel(bytes);
  const inputOf = (wanted: string) => model.graph.input.find(({ name }) => name === wanted)?.type?.value;
  const taken = inputOf(THRESHOLD_INPUT);
  const isPerRow = taken?.case === 'tensorType' && taken.value.shape?.dim.length === 2;
  const thresholds = new Array<number>(sites).fill(Math.fround(threshold));
  const graph = copyOf(model.graph);
  graph.initializer = [
    ...graph.initializer,
    floats(THRESHOLD_INPUT, isPerRow ? [1, sites] : [sites], thresholds),
    ...(inputOf(MEASURE_INPUT) === undefined ? [] : [floats(MEASURE_INPUT, [1, 1], [0])]),
  ];
  const copy = copyOf(model);
  copy.graph = graph;
  return encodeModel(copy);
}

function floats(name: string, dims: readonly number[], floatData: number[]): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims: dims.map(BigInt),
    dataType: TensorProto_DataType.FLOAT,
    floatData,
  });
}
