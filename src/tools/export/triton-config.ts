import type { ModelSignature } from '../../onnx/signature.ts';
import type { TensorSpec } from '../../protocol/types.ts';
import { tritonType } from '../../transport/triton-type.ts';

export interface TritonEntry {
  readonly name: string;
  /** With what was added to the model. */
  readonly signature: ModelSignature;
  /** Most rows that requests share in a run; 0: they share none, and shapes are whole. */
  readonly maxBatch: number;
  /** What the server tells of the model. */
  readonly parameters: Readonly<Record<string, string>>;
  /** The library of operators, where the server sees it; undefined: the model needs none. */
  readonly library?: string | undefined;
}

/**
 * The `config.pbtxt` of an instrumented model. Where rows are apart Triton joins its requests: of optional inputs, those that have the
 * same of them.
 */
export function tritonConfig({ name, signature, maxBatch, parameters, library }: TritonEntry): string {
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
${maxBatch === 0 ? '' : 'dynamic_batching { }\n'}${library === undefined ? '' : operators(library)}${texts.join('')}`;
}

function operators(library: string): string {
  return `# Opened by ONNX Runtime as it is written here: it must be where the server sees the file.
model_operations { op_library_filename: ${text(library)} }
# The operators compute on processors. More threads for each run: raise this, and TAUSTAT_THREADS of the server with it.
instance_group [ { kind: KIND_CPU } ]
parameters { key: "intra_op_thread_count" value: { string_value: "1" } }
`;
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
