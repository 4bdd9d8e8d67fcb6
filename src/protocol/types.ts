/** Tensors, requests and responses of the Open Inference Protocol v2, independent of any transport. */

export type Datatype =
  | 'BOOL'
  | 'UINT8'
  | 'UINT16'
  | 'UINT32'
  | 'UINT64'
  | 'INT8'
  | 'INT16'
  | 'INT32'
  | 'INT64'
  | 'FP16'
  | 'BF16'
  | 'FP32'
  | 'FP64'
  | 'BYTES';

/**
 * Elements in row-major order. BOOL is a Uint8Array of 0 and 1; FP16 and BF16 are their bits in a Uint16Array;
 * INT64 and UINT64 are exact in BigInt arrays; BYTES is one Uint8Array per element.
 */
export type TensorElements =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array
  | readonly Uint8Array[];

/** A tensor with its elements. */
export interface Tensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly elements: TensorElements;
}

/** A tensor as the model declares it; a variable dimension is -1. */
export interface TensorSpec {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  /**
   * The model's own name of each variable dimension ('batch'), where it has one. Dimensions of the same name have the
   * same size in one request. Never on the wire.
   */
  readonly dimensionNames?: readonly (string | undefined)[];
}

/** What a model takes and answers. */
export interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  /** What a request must hold. */
  readonly inputs: readonly TensorSpec[];
  /** What a request may hold in place of the model's own value; absent: nothing. */
  readonly optionalInputs?: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** An integer that a number does not hold exactly is a bigint. */
export type Parameter = string | number | bigint | boolean;
export type Parameters = Readonly<Record<string, Parameter>>;

export interface RequestedOutput {
  readonly name: string;
  readonly parameters: Parameters;
}

export interface InferRequest {
  readonly id?: string;
  readonly parameters: Parameters;
  readonly inputs: readonly Tensor[];
  /** Absent or empty: all outputs of the model. */
  readonly outputs?: readonly RequestedOutput[];
}

/** The answer to a request, with its tensors. */
export interface InferResponse {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id?: string;
  readonly parameters: Parameters;
  readonly outputs: readonly Tensor[];
}
