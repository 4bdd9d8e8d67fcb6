import { THRESHOLD_INPUT } from '../../onnx/names.ts';
import type { ModelSignature } from '../../onnx/signature.ts';
import type { TensorSpec } from '../../protocol/types.ts';
import { tritonType } from '../../transport/triton-type.ts';

export interface TritonEntry {
  readonly name: string;
  readonly signature: ModelSignature;
  /** Thresholds that a request may send. */
  readonly sites: number;
  /** The library of operators, where the server sees it. */
  readonly library: string;
}

/**
 * The `config.pbtxt` of a model with operators of `ai.taustat`. Shapes are the model's own, the batch included
 * (`max_batch_size` 0): only then does Triton take optional inputs, here the thresholds.
 */
export function tritonConfig({ name, signature, sites, library }: TritonEntry): string {
  const { inputs, optionalInputs = [], outputs } = signature;
  const thresholds: TensorSpec = { name: THRESHOLD_INPUT, datatype: 'FP32', shape: [sites] };
  const taken = [
    ...inputs.map((spec) => tensor(spec)),
    ...[...optionalInputs, thresholds].map((spec) => tensor(spec, ['optional: true'])),
  ];
  return `name: ${text(name)}
backend: "onnxruntime"
max_batch_size: 0
input [
${taken.join(',\n')}
]
output [
${outputs.map((spec) => tensor(spec)).join(',\n')}
]
# Opened by ONNX Runtime as it is written here: it must be where the server sees the file.
model_operations { op_library_filename: ${text(library)} }
# The operators compute on processors. More threads for each run: raise this, and TAUSTAT_THREADS of the server with it.
instance_group [ { kind: KIND_CPU } ]
parameters { key: "intra_op_thread_count" value: { string_value: "1" } }
`;
}

export interface BatchedEntry {
  readonly name: string;
  /** With what was added to the model. */
  readonly signature: ModelSignature;
  /** Most rows that requests share in a run; 0: they share none, and shapes are whole. */
  readonly maxBatch: number;
  readonly parameters: Readonly<Record<string, string>>;
}

/** The `config.pbtxt` of a model of standard operators, whose requests Triton joins where rows are apart. */
export function batchedConfig({ name, signature, maxBatch, parameters }: BatchedEntry): string {
  const { inputs, optionalInputs = [], outputs } = signature;
  const shown = (spec: TensorSpec): TensorSpec =>
    maxBatch === 0 ? spec : { ...spec, shape: spec.shape.slice(1) };
  const taken = [
    ...inputs.map((spec) => tensor(shown(spec))),
    ...optionalInputs.map((spec) => tensor(shown(spec), ['optional: true'])),
  ];
  const texts = Object.entries(parameters).map(
    ([key, value]) => `parameters { key: ${text(key)} value { string_value: ${text(value)} } }\n`,
  );
  return `name: ${text(name)}
backend: "onnxruntime"
max_batch_size: ${maxBatch}
input [
${taken.join(',\n')}
]
output [
${outputs.map((spec) => tensor(shown(spec))).join(',\n')}
]
${maxBatch === 0 ? '' : 'dynamic_batching { }\n'}${texts.join('')}`;
}

function tensor({ name, datatype, shape }: TensorSpec, more: readonly string[] = []): string {
  // A scalar has one dimension there.
  const dims = shape.length === 0 ? [1] : shape;
  const fields = [
    `name: ${text(name)}`,
    `data_type: ${tritonType(datatype).name}`,
    `dims: [ ${dims.join(', ')} ]`,
    ...more,
  ];
  return `  {\n${fields.map((field) => `    ${field}\n`).join('')}  }`;
}

/** A string of the text format of protocol buffers. */
function text(value: string): string {
  return JSON.stringify(value);
}
