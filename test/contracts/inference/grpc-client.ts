import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { decodeBinary } from '../../../src/protocol/binary/binary-codec.ts';
import { countElements } from '../../../src/protocol/shape.ts';
import type { Datatype, Parameter, Parameters, Tensor } from '../../../src/protocol/types.ts';
import { contentsOf, elementsIn } from '../../transport/grpc/contents.ts';
import {
  type InferRequestMessage,
  type InferResponseMessage,
  OracleClient,
  type ParameterMessage,
  type TensorMessage,
} from '../../transport/grpc/oracle.ts';
import {
  type Answered,
  type Asked,
  type InferenceClient,
  type ModelDescription,
  Refusal,
  type RefusalKind,
} from './client.ts';
import { bytesOf } from './rest-client.ts';

const KINDS: Readonly<Partial<Record<status, RefusalKind>>> = {
  [status.INVALID_ARGUMENT]: 'invalid',
  [status.NOT_FOUND]: 'not found',
  [status.RESOURCE_EXHAUSTED]: 'busy',
  [status.UNAVAILABLE]: 'busy',
  [status.DEADLINE_EXCEEDED]: 'late',
  [status.INTERNAL]: 'broken',
};

interface DescriptionMessage extends Omit<ModelDescription, 'inputs' | 'outputs'> {
  readonly inputs: readonly TensorMessage[];
  readonly outputs: readonly TensorMessage[];
}

/** gRPC by grpc-js and protobufjs from the published messages: contents raw or typed. */
export class GrpcClient implements InferenceClient {
  readonly #client: InstanceType<typeof OracleClient>;
  readonly #isRaw: boolean;

  constructor(address: string, isRaw: boolean) {
    this.#client = new OracleClient(address, credentials.createInsecure());
    this.#isRaw = isRaw;
  }

  carries(datatype: Datatype): boolean {
    return this.#isRaw || (datatype !== 'FP16' && datatype !== 'BF16');
  }

  async isLive(): Promise<boolean> {
    return (await this.#call<{ readonly live?: boolean }>('ServerLive', {})).live === true;
  }

  async isReady(): Promise<boolean> {
    return (await this.#call<{ readonly ready?: boolean }>('ServerReady', {})).ready === true;
  }

  async isModelReady(name: string, version?: string): Promise<boolean> {
    return (await this.#call<{ readonly ready?: boolean }>('ModelReady', { name, version })).ready === true;
  }

  serverMetadata() {
    return this.#call<{ readonly name: string; readonly version: string }>('ServerMetadata', {});
  }

  async modelMetadata(name: string, version?: string): Promise<ModelDescription> {
    const description = await this.#call<DescriptionMessage>('ModelMetadata', { name, version });
    return {
      ...description,
      inputs: description.inputs.map(specOf),
      outputs: description.outputs.map(specOf),
    };
  }

  async infer(asked: Asked): Promise<Answered> {
    const { model_name, model_version, id, parameters, outputs, raw_output_contents } =
      await this.#call<InferResponseMessage>('ModelInfer', requestOf(asked, this.#isRaw));
    return {
      modelName: model_name,
      modelVersion: model_version,
      id: id ?? '',
      parameters: parametersIn(parameters),
      outputs: outputs.map((output, i) => tensorOf(output, raw_output_contents[i])),
    };
  }

  close(): void {
    this.#client.close();
  }

  #call<T>(method: string, message: object): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        OracleClient.service[method]!.path,
        OracleClient.service[method]!.requestSerialize,
        OracleClient.service[method]!.responseDeserialize,
        message,
        new Metadata(),
        (error: ServiceError | null, answer?: T) => {
          if (error === null) resolve(answer!);
          else reject(new Refusal(KINDS[error.code] ?? 'unexpected', error.details));
        },
      );
    });
  }
}

function requestOf(asked: Asked, isRaw: boolean): InferRequestMessage {
  const { model, version, id, parameters, inputs, outputs } = asked;
  return {
    model_name: model,
    ...(version === undefined ? {} : { model_version: version }),
    ...(id === undefined ? {} : { id }),
    ...(parameters === undefined ? {} : { parameters: parametersOf(parameters) }),
    inputs: inputs.map(({ elements, ...claims }) => ({
      ...claims,
      ...(isRaw ? {} : { contents: contentsOf({ datatype: claims.datatype as Datatype, elements }) }),
    })),
    ...(outputs === undefined ? {} : { outputs: outputs.map((name) => ({ name })) }),
    ...(isRaw ? { raw_input_contents: inputs.map(({ elements }) => bytesOf(elements)) } : {}),
  };
}

function parametersOf(parameters: Parameters): Record<string, ParameterMessage> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => {
      if (typeof value === 'string') return [name, { string_param: value }];
      if (typeof value === 'boolean') return [name, { bool_param: value }];
      if (typeof value === 'bigint' && value >= 2n ** 63n) return [name, { uint64_param: String(value) }];
      if (typeof value === 'bigint') return [name, { int64_param: String(value) }];
      return [name, Number.isInteger(value) ? { int64_param: String(value) } : { double_param: value }];
    }),
  );
}

function parametersIn(parameters: Readonly<Record<string, ParameterMessage>>): Parameters {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, message]) => {
      const { parameter_choice: choice } = message;
      const value = message[choice as keyof ParameterMessage];
      return [name, (choice?.includes('int64') ? Number(value) : value) as Parameter];
    }),
  );
}

function specOf({ name, datatype, shape }: TensorMessage) {
  return { name, datatype: datatype as Datatype, shape: shape.map(Number) };
}

function tensorOf(output: TensorMessage, raw: Uint8Array | undefined): Tensor {
  const spec = specOf(output);
  const elements =
    raw === undefined
      ? elementsIn(spec.datatype, output.contents!)
      : decodeBinary(output.name, spec.datatype, countElements(spec.shape), raw);
  return { ...spec, elements };
}
