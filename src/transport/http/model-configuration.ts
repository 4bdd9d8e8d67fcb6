import type { ModelConfiguration } from '../../plane/model-configuration.ts';
import type { TensorSpec } from '../../protocol/types.ts';
import { tritonType } from '../triton-type.ts';

const US_PER_MS = 1000;

/** The JSON of a model's configuration: the parts of Triton's that apply. */
export function configurationJson(configuration: ModelConfiguration): unknown {
  const { name, platform, backend, versions, maxBatch, inputs, optionalInputs, outputs } = configuration;
  const { instances, batchDelayMs, fileName, labelFileName, parameters } = configuration;
  const texts = Object.entries(parameters).map(([key, text]) => [key, { string_value: text }] as const);
  return {
    name,
    platform,
    backend,
    version_policy: versions === 'latest' ? { latest: { num_versions: 1 } } : { all: {} },
    max_batch_size: maxBatch,
    input: [
      ...inputs.map((spec) => ({ ...specJson(spec), optional: false })),
      ...optionalInputs.map((spec) => ({ ...specJson(spec), optional: true })),
    ],
    output: outputs.map((spec) => ({ ...specJson(spec), label_filename: labelFileName })),
    instance_group: [{ name: `${name}_0`, kind: 'KIND_CPU', count: instances }],
    default_model_filename: fileName,
    ...(texts.length === 0 ? {} : { parameters: Object.fromEntries(texts) }),
    ...(batchDelayMs === undefined
      ? {}
      : { dynamic_batching: { max_queue_delay_microseconds: batchDelayMs * US_PER_MS } }),
  };
}

function specJson({ name, datatype, shape }: TensorSpec) {
  return { name, data_type: tritonType(datatype).name, dims: shape };
}
