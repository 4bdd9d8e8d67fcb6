/** The published service as `protobufjs` understands it: an implementation of the wire format that is not ours. */
import { fileURLToPath } from 'node:url';
import { loadPackageDefinition, type MethodDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

export const PROTO = fileURLToPath(new URL('../../../proto/open_inference.proto', import.meta.url));

const definition = loadSync(PROTO, { keepCase: true, longs: String, oneofs: true, arrays: true });
const service = definition['inference.GRPCInferenceService'] as Record<
  string,
  MethodDefinition<object, object>
>;

/** Constructor of clients of the service. */
export const OracleClient = (
  loadPackageDefinition(definition) as unknown as {
    readonly inference: { readonly GRPCInferenceService: ServiceClientConstructor };
  }
).inference.GRPCInferenceService;

/** The message types of one RPC. */
export function messagesOf(method: string): MethodDefinition<object, object> {
  return service[method]!;
}

export interface ParameterMessage {
  readonly bool_param?: boolean;
  readonly int64_param?: string;
  readonly string_param?: string;
  readonly double_param?: number;
  readonly uint64_param?: string;
  /** Which of them is set. */
  readonly parameter_choice?: string;
}

export interface ContentsMessage {
  readonly bool_contents?: readonly boolean[];
  readonly int_contents?: readonly number[];
  readonly int64_contents?: readonly string[];
  readonly uint_contents?: readonly number[];
  readonly uint64_contents?: readonly string[];
  readonly fp32_contents?: readonly number[];
  readonly fp64_contents?: readonly number[];
  readonly bytes_contents?: readonly Uint8Array[];
}

export interface TensorMessage {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly (string | number)[];
  readonly parameters?: Readonly<Record<string, ParameterMessage>>;
  readonly contents?: ContentsMessage;
}

export interface InferRequestMessage {
  readonly model_name: string;
  readonly model_version?: string;
  readonly id?: string;
  readonly parameters?: Readonly<Record<string, ParameterMessage>>;
  readonly inputs: readonly TensorMessage[];
  readonly outputs?: readonly {
    readonly name: string;
    readonly parameters?: Readonly<Record<string, ParameterMessage>>;
  }[];
  readonly raw_input_contents?: readonly Uint8Array[];
}

export interface InferResponseMessage {
  readonly model_name: string;
  readonly model_version: string;
  readonly id: string;
  readonly parameters: Readonly<Record<string, ParameterMessage>>;
  readonly outputs: readonly TensorMessage[];
  readonly raw_output_contents: readonly Uint8Array[];
}

export function encodeRequest(request: InferRequestMessage): Buffer {
  return messagesOf('ModelInfer').requestSerialize(request);
}

export function decodeResponse(bytes: Buffer): InferResponseMessage {
  return messagesOf('ModelInfer').responseDeserialize(bytes) as InferResponseMessage;
}
