import { type InferContext, type InferencePlane, unknownModel } from '../../../src/plane/inference.ts';
import { DATATYPES } from '../../../src/protocol/datatypes.ts';
import type {
  InferRequest,
  InferResponse,
  ModelMetadata,
  Tensor,
  TensorSpec,
} from '../../../src/protocol/types.ts';

function identity(name: string, inputs: readonly TensorSpec[]): ModelMetadata {
  const outputs = inputs.map((spec) => ({ ...spec, name: outputOf(spec.name) }));
  return { name, versions: ['1', '3'], platform: 'onnxruntime_onnx', inputs, outputs };
}

function outputOf(input: string): string {
  return input.replace(/^x/, 'y');
}

/** Models that answer their inputs: one per datatype, and some with shapes of interest. */
export const MODELS: ReadonlyMap<string, ModelMetadata> = new Map(
  [
    ...DATATYPES.map((datatype) =>
      identity(`identity-${datatype.toLowerCase()}`, [{ name: 'x', datatype, shape: [-1, 4] }]),
    ),
    ...DATATYPES.map((datatype) =>
      identity(`any-${datatype.toLowerCase()}`, [{ name: 'x', datatype, shape: [-1] }]),
    ),
    identity('fixed', [{ name: 'x', datatype: 'FP32', shape: [2, 8] }]),
    identity('scalar', [{ name: 'x', datatype: 'FP32', shape: [] }]),
    identity('cube', [{ name: 'x', datatype: 'INT32', shape: [2, 2, 2] }]),
    identity('grid', [{ name: 'x', datatype: 'FP32', shape: [-1, -1] }]),
    identity('grid-int', [{ name: 'x', datatype: 'INT64', shape: [-1, -1] }]),
    identity('pair', [
      { name: 'x0', datatype: 'FP32', shape: [-1, 2], dimensionNames: ['batch', undefined] },
      { name: 'x1', datatype: 'INT32', shape: [-1, 2], dimensionNames: ['batch', undefined] },
    ]),
    identity('two words', [{ name: 'x', datatype: 'FP32', shape: [-1] }]),
  ].map((model) => [model.name, model]),
);

/** What clients see of a model, as it may be changed under a request. */
export interface FakePlane extends InferencePlane {
  metadata: (name: string, version?: string) => ModelMetadata;
  infer: (
    name: string,
    version: string | undefined,
    request: InferRequest,
    context: InferContext,
  ) => Promise<InferResponse>;
  admit: (name: string) => void;
  isLive: boolean;
  isReady: boolean;
  /** Replaces the identity. */
  run: (model: ModelMetadata, request: InferRequest, signal: AbortSignal) => Promise<readonly Tensor[]>;
  readonly requests: {
    request: InferRequest;
    version: string | undefined;
    timeoutMs: number | undefined;
    /** Of the header `x-session`. */
    session: string | undefined;
  }[];
}

const CONFIGURATION = {
  backend: 'onnxruntime',
  versions: 'all',
  maxBatch: 0,
  instances: 1,
  batchDelayMs: undefined,
  fileName: 'model.onnx',
  labelFileName: '',
  parameters: {},
  optionalInputs: [],
} as const;

/** A data plane of identity models, without any runtime. */
export function createFakePlane(): FakePlane {
  function find(name: string, version?: string): ModelMetadata {
    const model = MODELS.get(name);
    if (model === undefined) throw unknownModel(name);
    if (version !== undefined && !model.versions.includes(version)) throw unknownModel(name, version);
    return model;
  }
  return {
    version: '9.9.9',
    isLive: true,
    isReady: true,
    requests: [],
    run: async (_model, request) => request.inputs.map((input) => ({ ...input, name: outputOf(input.name) })),
    models: () => [...MODELS.keys()],
    metadata: find,
    admit: () => undefined,
    find(name, version) {
      const metadata = this.metadata(name, version);
      return {
        metadata,
        configuration: { ...metadata, ...CONFIGURATION },
        isCurrent: this.metadata === find,
        admit: () => this.admit(name),
        infer: (request, context) => this.infer(name, version, request, context),
        transported: () => undefined,
      };
    },
    isModelReady(name, version) {
      find(name, version);
      return true;
    },
    statistics(name, version) {
      find(name, version);
      const total = { count: 2, ns: 3000 };
      return [
        {
          version: version ?? '3',
          inferenceCount: 5,
          executionCount: 4,
          batches: [{ rows: 2, infer: { count: 4, ns: 50 } }],
          lastInferenceMs: 17,
          success: total,
          fail: { count: 1, ns: 10 },
          queue: total,
          infer: total,
          decode: total,
          encode: total,
        },
      ];
    },
    async infer(name, version, request, context) {
      const model = find(name, version);
      const { timeoutMs } = context;
      const session = context.header?.('x-session');
      this.requests.push({ request, version, timeoutMs, session });
      const outputs = await this.run(model, request, context.signal!);
      const { id } = request;
      return {
        modelName: name,
        modelVersion: version ?? '3',
        parameters: {},
        outputs,
        ...(id === undefined ? {} : { id }),
      };
    },
  };
}
