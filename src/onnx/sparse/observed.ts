import { create } from '@bufbuild/protobuf';
import { NodeProtoSchema, OperatorSetIdProtoSchema, TensorProto_DataType } from 'onnx-buf';
import { type DecodedModel, encodeModel } from '../model-file.ts';
import { HISTOGRAMS_OUTPUT, histogramName } from '../names.ts';
import { copyOf, tensorInfo } from '../rewriting.ts';
import { intOf, SPARSE_DOMAIN, sparseNode } from './nodes.ts';

/**
 * Activations of one request that are enough to know a site's histogram by: of a larger tensor a stratified sample is binned.
 * Binning all of them takes twice as long as computing them where convolutions are cheap.
 */
const SAMPLE = 4096;

/**
 * Writes a copy of a model that answers as it does and shows the histograms of some tensors beside, as the output
 * `taustat_histograms`: some thousand numbers leave a run for each instead of every activation. They are one output, in the
 * order of the tensors, because an output of its own for each costs more than to make it.
 *
 * @param tensors - float32.
 */
export function observed(model: DecodedModel, tensors: readonly string[]): Uint8Array {
  const histograms = tensors.map((tensor, i) =>
    sparseNode('Histogram', { input: [tensor], output: histogramName(i) }, [intOf('sample', SAMPLE)]),
  );
  const joined = create(NodeProtoSchema, {
    opType: 'Concat',
    name: HISTOGRAMS_OUTPUT,
    input: tensors.map((_, i) => histogramName(i)),
    output: [HISTOGRAMS_OUTPUT],
    attribute: [intOf('axis', 0)],
  });
  const graph = copyOf(model.graph);
  graph.node = [...graph.node, ...histograms, joined];
  graph.output = [...graph.output, tensorInfo(HISTOGRAMS_OUTPUT, TensorProto_DataType.DOUBLE, [undefined])];
  const copy = copyOf(model);
  copy.graph = graph;
  copy.opsetImport = [
    ...model.opsetImport,
    create(OperatorSetIdProtoSchema, { domain: SPARSE_DOMAIN, version: 1n }),
  ];
  return encodeModel(copy);
}
