import { create } from '@bufbuild/protobuf';
import { TensorProto_DataType, TensorProtoSchema } from 'onnx-buf';
import { decodeModel, encodeModel } from './model-file.ts';
import { THRESHOLD_INPUT } from './names.ts';
import { copyOf } from './rewriting.ts';

/**
 * Gives the thresholds of a rewritten model a default, so that a request may leave them out: an initializer [S] of the name of
 * the input. Whoever sends the input overrides it.
 */
export function withDefaultThreshold(bytes: Uint8Array, threshold: number, sites: number): Uint8Array {
  const model = decodeModel(bytes);
  const initializer = create(TensorProtoSchema, {
    name: THRESHOLD_INPUT,
    dims: [BigInt(sites)],
    dataType: TensorProto_DataType.FLOAT,
    floatData: new Array<number>(sites).fill(Math.fround(threshold)),
  });
  const graph = copyOf(model.graph);
  graph.initializer = [...graph.initializer, initializer];
  const copy = copyOf(model);
  copy.graph = graph;
  return encodeModel(copy);
}
