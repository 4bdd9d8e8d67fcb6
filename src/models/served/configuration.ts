import type { Config } from '../../config/schema.ts';
import { DESCRIPTION_KEY } from '../../onnx/description.ts';
import type { ModelConfiguration } from '../../plane/model-configuration.ts';
import type { ModelMetadata, TensorSpec } from '../../protocol/types.ts';
import { unbatchable } from '../../runtime/batching/batch.ts';
import type { ServableModel } from '../../runtime/servable-model.ts';
import { LABEL_FILE } from '../labels.ts';

/** The configuration of a model, as clients can query it. */
export function configurationOf(
  { name, platform, inputs, optionalInputs = [], outputs }: ModelMetadata,
  { signature, rowMeetings, stem, description }: ServableModel,
  { server, batching, runtime, model }: Config,
  hasLabels: boolean,
): ModelConfiguration {
  const isShared = batching.maxBatch > 1 && unbatchable(signature, rowMeetings) === undefined;
  const hasRows = [...inputs, ...outputs].every(({ shape }) => shape[0] === -1);
  const bound = server.maxBatch ?? (isShared ? batching.maxBatch : 0);
  const maxBatch = hasRows ? bound : 0;
  const specs = (tensors: readonly TensorSpec[]) => (maxBatch > 0 ? tensors.map(ofOneRow) : tensors);
  return {
    name,
    platform,
    backend: 'onnxruntime',
    versions: model.versions,
    maxBatch,
    inputs: specs(inputs),
    optionalInputs,
    outputs: specs(outputs),
    instances: runtime.workers ?? 1,
    batchDelayMs: isShared ? batching.maxDelayMs : undefined,
    fileName: `${stem}.onnx`,
    parameters: description === undefined ? {} : { [DESCRIPTION_KEY]: description },
    labelFileName: hasLabels ? LABEL_FILE : '',
  };
}

function ofOneRow(spec: TensorSpec): TensorSpec {
  return { ...spec, shape: spec.shape.slice(1) };
}
