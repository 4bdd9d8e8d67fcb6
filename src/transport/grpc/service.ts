import { status, type UntypedHandleCall } from '@grpc/grpc-js';
import { ServingError } from '../../config/errors.ts';
import { checkControl } from '../../plane/control-access.ts';
import { type InferencePlane, modelsAreOpening } from '../../plane/inference.ts';
import { parseVersion } from '../../plane/model-version.ts';
import type { RepositoryPlane } from '../../plane/repository.ts';
import { decodeProtobuf, Fields } from '../../protocol/grpc/fields.ts';
import { RequestSpan } from '../../telemetry/tracing.ts';
import { type Call, CallContext } from './call-context.ts';
import { callerOf } from './caller.ts';
import { checkedRequest, decodeInferMessage } from './infer-request.ts';
import { encodeInferResponse } from './infer-response.ts';
import {
  decodeModelMessage,
  encodeBoolean,
  encodeModelMetadata,
  encodeServerMetadata,
} from './metadata-messages.ts';
import { encodeModelConfiguration } from './model-configuration.ts';
import { passedCall } from './passed-service.ts';
import { decodeIndexMessage, decodeModelChange, encodeIndex } from './repository-messages.ts';
import {
  bytesMethod,
  catchingErrors,
  INFERENCE_SERVICE_NAME,
  type InferenceServiceOptions,
  type Rpc,
  requireToken,
} from './rpc.ts';
import { encodeStatistics } from './statistics.ts';
import { statusOf } from './status.ts';

const EXTENSIONS = [
  'parameters',
  'model_repository',
  'model_configuration',
  'statistics',
  'pruning',
] as const;

type Rpcs = Readonly<Record<(typeof METHODS)[number], Rpc>>;

const METHODS = [
  'ServerLive',
  'ServerReady',
  'ModelReady',
  'ServerMetadata',
  'ModelMetadata',
  'ModelInfer',
  'ModelConfig',
  'ModelStatistics',
  'RepositoryIndex',
  'RepositoryModelLoad',
  'RepositoryModelUnload',
] as const;

/** `inference.GRPCInferenceService` with messages as bytes: the server decodes them itself, so that errors get a reason. */
export const INFERENCE_SERVICE = Object.fromEntries(
  METHODS.map((method) => [method, bytesMethod(INFERENCE_SERVICE_NAME, method)]),
);

/** The RPCs over a data plane and a repository. */
export function inferenceHandlers(
  plane: InferencePlane,
  options: InferenceServiceOptions = {},
): Record<string, UntypedHandleCall> {
  const { tokens = {} } = options;
  const authorized =
    (rpc: Rpc): Rpc =>
    (call) => {
      requireToken(call, tokens);
      return rpc(call);
    };
  const repository = (): RepositoryPlane => {
    if (plane.isOpening) throw modelsAreOpening();
    if (options.repository !== undefined) return options.repository;
    throw new ServingError('METHOD_NOT_ALLOWED', 'this server has no repository');
  };
  const change = (work: (plane: RepositoryPlane, model: string) => Promise<void>) =>
    authorized(async (call) => {
      const models = repository();
      checkControl(callerOf(call), tokens.control);
      await work(models, decodeModelChange(call.request));
      return new Uint8Array();
    });
  const { passThrough } = options;
  /** A call that names a model which is not served here goes on as it is. */
  const passing =
    (method: string, rpc: Rpc, nameOf: (message: Uint8Array) => string = modelNameIn): Rpc =>
    (call) => {
      if (passThrough === undefined || plane.isOpening || !passThrough.passes(nameOf(call.request)))
        return rpc(call);
      requireToken(call, tokens);
      return passThrough.unary(`/${INFERENCE_SERVICE_NAME}/${method}`, call.request, passedCall(call));
    };
  const rpcs: Rpcs = {
    ServerLive: () => encodeBoolean(plane.isLive),
    ServerReady: () => encodeBoolean(plane.isReady),
    ServerMetadata: authorized(() => encodeServerMetadata(plane.version, EXTENSIONS)),
    ModelReady: passing(
      'ModelReady',
      authorized(({ request }) => {
        const [model, version] = modelOf(decodeModelMessage(request));
        return encodeBoolean(plane.isModelReady(model, version) && plane.isReady);
      }),
    ),
    ModelMetadata: passing(
      'ModelMetadata',
      authorized(({ request }) =>
        encodeModelMetadata(plane.find(...modelOf(decodeModelMessage(request))).metadata),
      ),
    ),
    ModelConfig: passing(
      'ModelConfig',
      authorized(({ request }) =>
        encodeModelConfiguration(plane.find(...modelOf(decodeModelMessage(request))).configuration),
      ),
    ),
    ModelStatistics: authorized(({ request }) => {
      if (plane.isOpening) throw modelsAreOpening();
      const [name, version] = modelOf(decodeModelMessage(request));
      const models = name === '' ? plane.models() : [name];
      return encodeStatistics(models.map((model) => [model, plane.statistics(model, version)]));
    }),
    ModelInfer: passing(
      'ModelInfer',
      traced('ModelInfer', async (call, trace) => {
        requireToken(call, tokens);
        const memory = options.buffered?.open();
        try {
          memory?.add(call.request.byteLength);
          const decodedFrom = performance.now();
          const message = decodeInferMessage(call.request);
          const model = plane.find(...modelOf({ name: message.model, version: message.version }));
          model.admit();
          const request = checkedRequest(message, model.metadata, options);
          memory?.addTensors(request.inputs);
          const decodedAt = performance.now();
          trace.part('taustat.decode', decodedFrom, decodedAt);
          const response = await model.infer(request, new CallContext(call, trace));
          const encodedFrom = performance.now();
          const encoded = encodeInferResponse(response, request, message.raw.length > 0);
          const encodedAt = performance.now();
          trace.part('taustat.encode', encodedFrom, encodedAt);
          model.transported({ decodeMs: decodedAt - decodedFrom, encodeMs: encodedAt - encodedFrom });
          return encoded;
        } finally {
          memory?.release();
        }
      }),
    ),
    RepositoryIndex: authorized(async ({ request }) => {
      const models = repository();
      const isReadyOnly = decodeIndexMessage(request);
      const entries = await models.index();
      return encodeIndex(isReadyOnly ? entries.filter(({ state }) => state === 'READY') : entries);
    }),
    RepositoryModelLoad: change((models, model) => models.load(model)),
    RepositoryModelUnload: change((models, model) => models.unload(model)),
  };
  return Object.fromEntries(METHODS.map((method) => [method, catchingErrors(rpcs[method], options.report)]));
}

/** The name of the model in a message that has it as its first field; empty where it has none. */
function modelNameIn(message: Uint8Array): string {
  return decodeProtobuf(() => {
    const fields = new Fields(message);
    return fields.next() && fields.number === 1 ? fields.text() : '';
  });
}

const STATUS = 'rpc.grpc.status_code';

/** Source: OpenTelemetry semantic conventions for gRPC spans, 1.37. */
function traced(method: string, rpc: (call: Call, trace: RequestSpan) => Promise<Uint8Array>): Rpc {
  const name = `${INFERENCE_SERVICE_NAME}/${method}`;
  const attributes = { 'rpc.system': 'grpc', 'rpc.service': INFERENCE_SERVICE_NAME, 'rpc.method': method };
  return async (call) => {
    const [traceparent, tracestate] = ['traceparent', 'tracestate'].map((key) =>
      call.metadata.get(key)[0]?.toString(),
    );
    const trace = new RequestSpan({ name, attributes, traceparent, tracestate });
    try {
      const answer = await rpc(call, trace);
      trace.answered({ [STATUS]: status.OK });
      return answer;
    } catch (error) {
      trace.failed(error, { [STATUS]: statusOf(error).code });
      throw error;
    }
  };
}

/** Name and version; an empty version means none. @throws ServingError INVALID_REQUEST, UNKNOWN_MODEL */
function modelOf({ name, version }: { readonly name: string; readonly version: string }) {
  return [name, version === '' ? undefined : parseVersion(name, version)] as const;
}
