import { type ModelProto, TensorProto_DataType, type TensorShapeProto, type ValueInfoProto } from 'onnx-buf';
import { ServingError } from '../config/errors.ts';
import type { Datatype, TensorSpec } from '../protocol/types.ts';
import { assertComplete } from './model-file.ts';
import { RESERVED_PREFIX } from './names.ts';
import { overridableInputs } from './overridable.ts';

export interface ModelSignature {
  /** What a request must hold. */
  readonly inputs: readonly TensorSpec[];
  /** What a request may hold: inputs with a default. Absent: none. */
  readonly optionalInputs?: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

const DATATYPES: ReadonlyMap<number, Datatype> = new Map([
  [TensorProto_DataType.BOOL, 'BOOL'],
  [TensorProto_DataType.UINT8, 'UINT8'],
  [TensorProto_DataType.UINT16, 'UINT16'],
  [TensorProto_DataType.UINT32, 'UINT32'],
  [TensorProto_DataType.UINT64, 'UINT64'],
  [TensorProto_DataType.INT8, 'INT8'],
  [TensorProto_DataType.INT16, 'INT16'],
  [TensorProto_DataType.INT32, 'INT32'],
  [TensorProto_DataType.INT64, 'INT64'],
  [TensorProto_DataType.FLOAT16, 'FP16'],
  [TensorProto_DataType.BFLOAT16, 'BF16'],
  [TensorProto_DataType.FLOAT, 'FP32'],
  [TensorProto_DataType.DOUBLE, 'FP64'],
  [TensorProto_DataType.STRING, 'BYTES'],
]);

/**
 * What a client must send and gets back: the graph's inputs that have no initializer, and its outputs, by default without
 * those that taustat added. Initializers that are listed as inputs may be sent in place of their value. A variable dimension is -1, with its name where the model gives it one; a tensor of unknown
 * rank has the shape [-1].
 *
 * @throws ServingError MODEL_INVALID for a value that is no tensor or has a type that the protocol cannot carry.
 */
export function modelSignature(model: ModelProto, which: 'own' | 'all' = 'own'): ModelSignature {
  assertComplete(model);
  const { graph } = model;
  const initialized = new Set(graph.initializer.map(({ name }) => name));
  for (const { values } of graph.sparseInitializer) if (values !== undefined) initialized.add(values.name);
  const overridable = new Set(overridableInputs({ ...model, graph }, which));
  const optional = graph.input.filter((value) => overridable.has(value.name) && isServable(value));
  const isOwn = ({ name }: ValueInfoProto): boolean => which === 'all' || !name.startsWith(RESERVED_PREFIX);
  return {
    inputs: graph.input
      .filter(isOwn)
      .filter(({ name }) => !initialized.has(name))
      .map((value) => specOf('input', value)),
    ...(optional.length === 0 ? {} : { optionalInputs: optional.map((value) => specOf('input', value)) }),
    outputs: graph.output.filter(isOwn).map((value) => specOf('output', value)),
  };
}

/** An optional input that cannot be sent is no reason to refuse the model. */
function isServable({ type }: ValueInfoProto): boolean {
  return type?.value.case === 'tensorType' && DATATYPES.has(type.value.value.elemType);
}

function specOf(role: 'input' | 'output', { name, type }: ValueInfoProto): TensorSpec {
  if (type?.value.case !== 'tensorType') {
    const found = type?.value.case ?? 'value without a type';
    throw new ServingError('MODEL_INVALID', `${role} '${name}': a ${found}; only tensors can be served`);
  }
  const { elemType, shape } = type.value.value;
  const datatype = DATATYPES.get(elemType);
  if (datatype === undefined) {
    const found = TensorProto_DataType[elemType] ?? elemType;
    throw new ServingError('MODEL_INVALID', `${role} '${name}': elements of type ${found} cannot be served`);
  }
  if (shape === undefined) return { name, datatype, shape: [-1] };
  const dimensionNames = shape.dim.map(nameOf);
  const isNamed = dimensionNames.some((dimension) => dimension !== undefined);
  return { name, datatype, shape: shape.dim.map(sizeOf), ...(isNamed ? { dimensionNames } : {}) };
}

function nameOf({ value }: TensorShapeProto['dim'][number]): string | undefined {
  return value.case === 'dimParam' && value.value !== '' ? value.value : undefined;
}

function sizeOf({ value }: TensorShapeProto['dim'][number]): number {
  return value.case === 'dimValue' && value.value >= 0n ? Number(value.value) : -1;
}
