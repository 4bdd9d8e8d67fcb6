import { fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProto_DataLocation,
} from 'onnx-buf';
import { messageOf, ServingError } from '../config/errors.ts';

/**
 * A model whose graph is there.
 */
export type DecodedModel = ModelProto & { graph: GraphProto };

/**
 * Reads an ONNX file. Fields that this version of the format does not know are kept.
 *
 * @throws ServingError MODEL_INVALID for anything that is not a whole ONNX model.
 */
export function decodeModel(bytes: Uint8Array): DecodedModel {
  if (bytes.byteLength === 0) throw invalid('the file is empty');
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch (error) {
    throw new ServingError('MODEL_INVALID', `not an ONNX model, or cut short: ${messageOf(error)}`, {
      cause: error,
    });
  }
  assertComplete(model);
  return model;
}

/** Writes a model, with every field that reading it has kept. */
export function encodeModel(model: ModelProto): Uint8Array {
  return toBinary(ModelProtoSchema, model);
}

/**
 * Asserts that a model has what every ONNX model must have.
 *
 * @throws ServingError MODEL_INVALID naming the missing part.
 */
export function assertComplete(model: ModelProto): asserts model is DecodedModel {
  if (model.irVersion <= 0n) throw invalid('ir_version is missing');
  if (model.opsetImport.length === 0) throw invalid('opset_import is missing');
  if (model.graph === undefined) throw invalid('the graph is missing');
  if (model.graph.output.length === 0) throw invalid('the graph has no output');
  const nameless = model.graph.node.findIndex((node) => node.opType === '');
  if (nameless >= 0) throw invalid(`graph node ${nameless} has no op_type`);
}

/** The version of the standard operator set that a model uses, 0 when it imports none. */
export function standardOpset(model: ModelProto): number {
  const standard = model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx');
  return Number(standard?.version ?? 0n);
}

/**
 * The files, relative to the model's folder, that hold tensors outside the model file.
 *
 * @throws ServingError MODEL_INVALID if a location is absolute or leaves the model's folder.
 */
export function externalDataFiles(model: ModelProto): string[] {
  const files = new Set<string>();
  for (const tensor of tensorsOf(model)) {
    if (tensor.dataLocation !== TensorProto_DataLocation.EXTERNAL) continue;
    const location = tensor.externalData.find(({ key }) => key === 'location')?.value ?? '';
    const problem = locationProblem(location);
    if (problem !== undefined) {
      throw invalid(
        `tensor '${tensor.name}': external data at '${location}' ${problem}; expected a file beside the model`,
      );
    }
    files.add(location);
  }
  return [...files];
}

/**
 * Points tensors outside the model file to other files.
 *
 * @param locations - the new location of each old one; others stay.
 */
export function relocateExternalData(model: ModelProto, locations: ReadonlyMap<string, string>): void {
  for (const tensor of tensorsOf(model)) {
    if (tensor.dataLocation !== TensorProto_DataLocation.EXTERNAL) continue;
    for (const entry of tensor.externalData)
      if (entry.key === 'location') entry.value = locations.get(entry.value) ?? entry.value;
  }
}

function locationProblem(location: string): string | undefined {
  if (location === '') return 'has no location';
  if (location.includes('\0')) return 'holds a zero byte';
  if (/^([/\\]|[A-Za-z]:)/.test(location)) return 'is absolute';
  if (location.split(/[/\\]/).includes('..')) return 'leaves the folder of the model';
  return undefined;
}

function* tensorsOf(model: ModelProto): Generator<TensorProto> {
  if (model.graph !== undefined) yield* tensorsOfGraph(model.graph);
  for (const { node } of model.functions) yield* tensorsOfNodes(node);
}

function* tensorsOfGraph(graph: GraphProto): Generator<TensorProto> {
  yield* graph.initializer;
  for (const sparse of graph.sparseInitializer) {
    if (sparse.values !== undefined) yield sparse.values;
    if (sparse.indices !== undefined) yield sparse.indices;
  }
  yield* tensorsOfNodes(graph.node);
}

function* tensorsOfNodes(nodes: readonly NodeProto[]): Generator<TensorProto> {
  for (const attribute of nodes.flatMap((node) => node.attribute)) {
    if (attribute.t !== undefined) yield attribute.t;
    yield* attribute.tensors;
    if (attribute.g !== undefined) yield* tensorsOfGraph(attribute.g);
    for (const graph of attribute.graphs) yield* tensorsOfGraph(graph);
  }
}

function invalid(message: string): ServingError {
  return new ServingError('MODEL_INVALID', message);
}
