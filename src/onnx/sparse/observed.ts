import { create } from '@bufbuild/protobuf';
import { OperatorSetIdProtoSchema, TensorProto_DataType } from 'onnx-buf';
import { type DecodedModel, encodeModel } from '../model-file.ts';
import { histogramName } from '../names.ts';
import { copyOf, tensorInfo } from '../rewriting.ts';
import { intOf, SPARSE_DOMAIN, sparseNode } from './nodes.ts';

/**
 * Activations of one request that are enough to know a site's histogram by: of a larger tensor a stratified sample is binned.
 * Binning all of them takes twice as long as computing them where convolutions are cheap.
 */
const SAMPLE = 4096;

/**
 * Writes a copy of a model that answers as it does and shows the histogram of each tensor beside, as the outputs
 * `taustat_histogram_<i>`: some thousand numbers leave a run instead of every activation.
 *
 * @param tensors - float32.
 */
export function observed(model: DecodedModel, tensors: readonly string[]): Uint8Array {
  const histograms = tensors.map((tensor, i) =>
    sparseNode('Histogram', { input: [tensor], output: histogramName(i) }, [intOf('sample', SAMPLE)]),
  );
  const outputs = tensors.map((_, i) =>
    tensorInfo(histogramName(i), TensorProto_DataType.DOUBLE, [undefined]),
  );
  const graph = copyOf(model.graph);
  graph.node = [...graph.node, ...histograms];
  graph.output = [...graph.output, ...outputs];
  const copy = copyOf(model);
  copy.graph = graph;
  copy.opsetImport = [
    ...model.opsetImport,
    create(OperatorSetIdProtoSchema, { domain: SPARSE_DOMAIN, version: 1n }),
  ];
  return encodeModel(copy);
}
