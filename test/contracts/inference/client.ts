import type {
  Datatype,
  Parameters,
  Tensor,
  TensorElements,
  TensorSpec,
} from '../../../src/protocol/types.ts';

/** A tensor as a client sends it, right or wrong. */
export interface AskedTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly elements: TensorElements;
}

export interface Asked {
  readonly model: string;
  readonly version?: string;
  readonly id?: string;
  readonly parameters?: Parameters;
  readonly inputs: readonly AskedTensor[];
  /** Names of outputs. */
  readonly outputs?: readonly string[];
}

export interface Answered {
  readonly modelName: string;
  readonly modelVersion: string;
  /** '' where there is none. */
  readonly id: string;
  readonly parameters: Parameters;
  readonly outputs: readonly Tensor[];
}

export interface ModelDescription {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** What a refusal means, in the words of neither transport. */
export type RefusalKind = 'invalid' | 'not found' | 'busy' | 'late' | 'broken' | 'unexpected';

export class Refusal extends Error {
  readonly kind: RefusalKind;

  constructor(kind: RefusalKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** A client of the Open Inference Protocol over a real socket, in one of the forms that it has. */
export interface InferenceClient {
  /** Whether its form can carry tensors of a datatype. */
  carries(datatype: Datatype): boolean;
  isLive(): Promise<boolean>;
  isReady(): Promise<boolean>;
  /** @throws Refusal */
  isModelReady(model: string, version?: string): Promise<boolean>;
  serverMetadata(): Promise<{ readonly name: string; readonly version: string }>;
  /** @throws Refusal */
  modelMetadata(model: string, version?: string): Promise<ModelDescription>;
  /** @throws Refusal */
  infer(asked: Asked): Promise<Answered>;
  close(): void;
}
