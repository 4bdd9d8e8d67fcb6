import type { handleUnaryCall, MethodDefinition, sendUnaryData } from '@grpc/grpc-js';
import { ServingError } from '../../config/errors.ts';
import { mayUseData, type Tokens } from '../../plane/authorization.ts';
import type { InferencePlane } from '../../plane/inference.ts';
import { parseVersion } from '../../plane/model-version.ts';
import type { DecodeLimits } from '../../protocol/decode-request.ts';
import type { BufferedBytes } from '../buffered-bytes.ts';
import { type Call, CallContext } from './call-context.ts';
import { checkedRequest, decodeInferMessage } from './infer-request.ts';
import { encodeInferResponse } from './infer-response.ts';
import {
  decodeModelMessage,
  encodeBoolean,
  encodeModelMetadata,
  encodeServerMetadata,
} from './metadata-messages.ts';
import { statusOf } from './status.ts';

const EXTENSIONS = ['parameters', 'pruning'] as const;

export interface InferenceServiceOptions extends DecodeLimits {
  /** What callers need; liveness and readiness of the server need none. */
  readonly tokens?: Tokens | undefined;
  /** The memory of all bodies, of HTTP too. A message counts from when all of it is here, which is when it is first seen. */
  readonly buffered?: BufferedBytes | undefined;
  /** Hears of errors that are the server's fault. */
  readonly report?: ((error: unknown) => void) | undefined;
}

type Rpc = (call: Call) => Uint8Array | Promise<Uint8Array>;
type Rpcs = Readonly<Record<(typeof METHODS)[number], Rpc>>;

const METHODS = [
  'ServerLive',
  'ServerReady',
  'ModelReady',
  'ServerMetadata',
  'ModelMetadata',
  'ModelInfer',
] as const;

/** `inference.GRPCInferenceService`, whose messages pass as bytes: the server reads them, and errors get a reason. */
export const INFERENCE_SERVICE = Object.fromEntries(METHODS.map((method) => [method, definition(method)]));

function definition(method: string): MethodDefinition<Uint8Array, Uint8Array> {
  const asBuffer = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    path: `/inference.GRPCInferenceService/${method}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: asBuffer,
    requestDeserialize: (bytes) => bytes,
    responseSerialize: asBuffer,
    responseDeserialize: (bytes) => bytes,
  };
}

/** The six RPCs over a data plane. */
export function inferenceHandlers(
  plane: InferencePlane,
  options: InferenceServiceOptions = {},
): Record<string, handleUnaryCall<Buffer, Uint8Array>> {
  const authorized =
    (rpc: Rpc): Rpc =>
    (call) => {
      if (!mayUseData((name) => call.metadata.get(name)[0]?.toString(), options.tokens ?? {}))
        throw new ServingError('UNAUTHORIZED', 'a bearer token or an API key is needed');
      return rpc(call);
    };
  const rpcs: Rpcs = {
    ServerLive: () => encodeBoolean(plane.isLive),
    ServerReady: () => encodeBoolean(plane.isReady),
    ServerMetadata: authorized(() => encodeServerMetadata(plane.version, EXTENSIONS)),
    ModelReady: authorized(({ request }) => {
      const [model, version] = modelOf(decodeModelMessage(request));
      return encodeBoolean(plane.isModelReady(model, version) && plane.isReady);
    }),
    ModelMetadata: authorized(({ request }) =>
      encodeModelMetadata(plane.find(...modelOf(decodeModelMessage(request))).metadata),
    ),
    ModelInfer: authorized(async (call) => {
      const memory = options.buffered?.open();
      try {
        memory?.add(call.request.byteLength);
        const message = decodeInferMessage(call.request);
        const model = plane.find(...modelOf({ name: message.model, version: message.version }));
        model.admit();
        const request = checkedRequest(message, model.metadata, options);
        memory?.addTensors(request.inputs);
        const response = await model.infer(request, new CallContext(call));
        return encodeInferResponse(response, request, message.raw.length > 0);
      } finally {
        memory?.release();
      }
    }),
  };
  return Object.fromEntries(METHODS.map((method) => [method, answering(rpcs[method], options.report)]));
}

/** An empty version is none. @throws ServingError INVALID_REQUEST, UNKNOWN_MODEL */
function modelOf({ name, version }: { readonly name: string; readonly version: string }) {
  return [name, version === '' ? undefined : parseVersion(name, version)] as const;
}

/** An RPC whose errors end the call with their status, whatever they are. */
function answering(
  rpc: Rpc,
  report: (error: unknown) => void = () => {},
): handleUnaryCall<Buffer, Uint8Array> {
  return (call, respond) => {
    void answer(rpc, call, respond, report);
  };
}

async function answer(
  rpc: Rpc,
  call: Call,
  respond: sendUnaryData<Uint8Array>,
  report: (error: unknown) => void,
): Promise<void> {
  try {
    respond(null, await rpc(call));
  } catch (error) {
    if (!(error instanceof ServingError) || error.status === 500) report(error);
    respond(statusOf(error));
  }
}
