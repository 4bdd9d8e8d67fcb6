import type { GraphProto, ModelProto, NodeProto } from 'onnx-buf';
import { ServingError } from '../config/errors.ts';

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Checks that every string that a model holds is UTF-8.
 *
 * ONNX Runtime's binding hands strings over as text and replaces silently what is none, so a model with other strings
 * would answer something that it did not say.
 *
 * @throws ServingError MODEL_INVALID naming the tensor or node.
 */
export function checkText(model: ModelProto): void {
  if (model.graph !== undefined) checkGraph(model.graph);
  for (const { node } of model.functions) checkNodes(node);
}

function checkGraph(graph: GraphProto): void {
  for (const { name, stringData } of graph.initializer) checkStrings(`tensor '${name}'`, stringData);
  for (const { values } of graph.sparseInitializer) {
    if (values !== undefined) checkStrings(`tensor '${values.name}'`, values.stringData);
  }
  checkNodes(graph.node);
}

function checkNodes(nodes: readonly NodeProto[]): void {
  for (const { name, opType, attribute } of nodes) {
    for (const { name: of, s, strings, t, tensors, g, graphs } of attribute) {
      const where = `attribute '${of}' of ${opType} '${name}'`;
      checkStrings(where, [s, ...strings]);
      for (const { stringData } of t === undefined ? tensors : [t, ...tensors])
        checkStrings(where, stringData);
      for (const graph of g === undefined ? graphs : [g, ...graphs]) checkGraph(graph);
    }
  }
}

function checkStrings(where: string, strings: readonly Uint8Array[]): void {
  for (const bytes of strings) {
    try {
      DECODER.decode(bytes);
    } catch {
      throw new ServingError('MODEL_INVALID', `${where} holds a string that is not UTF-8`);
    }
  }
}
