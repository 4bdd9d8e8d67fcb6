/** What goes through to the server behind this one: calls that are unknown here, and streams. */
import type { Duplex } from 'node:stream';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { checkControl } from '../../plane/control-access.ts';
import type { PassedCall } from '../../plane/pass-through.ts';
import type { Call } from './call-context.ts';
import { callerOf } from './caller.ts';
import {
  bytesMethod,
  catchingErrors,
  INFERENCE_SERVICE_NAME,
  type InferenceServiceOptions,
  type Rpc,
  requireToken,
} from './rpc.ts';
import { statusOf } from './status.ts';

/** Calls of Triton's that are unknown here. */
const PASSED_METHODS = [
  'SystemSharedMemoryStatus',
  'SystemSharedMemoryRegister',
  'SystemSharedMemoryUnregister',
  'CudaSharedMemoryStatus',
  'CudaSharedMemoryRegister',
  'CudaSharedMemoryUnregister',
  'TraceSetting',
  'LogSettings',
] as const;
const STREAM_METHOD = 'ModelStreamInfer';

/** The methods that are passed through to the server behind this one, and their handlers. */
export function passedService({ passThrough, tokens = {}, report }: InferenceServiceOptions) {
  if (passThrough === undefined) return undefined;
  const unary = PASSED_METHODS.map((method) => {
    const rpc: Rpc = (call) => {
      requireToken(call, tokens);
      if (method === 'TraceSetting' || method === 'LogSettings') checkControl(callerOf(call), tokens.control);
      return passThrough.unary(`/${INFERENCE_SERVICE_NAME}/${method}`, call.request, passedCall(call));
    };
    return [method, catchingErrors(rpc, report)] as const;
  });
  const stream = (call: ServerDuplexStream<Buffer, Uint8Array>): void => {
    try {
      requireToken(call, tokens);
    } catch (error) {
      call.emit('error', statusOf(error));
      return;
    }
    const passed = passThrough.stream(`/${INFERENCE_SERVICE_NAME}/${STREAM_METHOD}`, passedCall(call));
    // Whoever reads slowly is waited for: messages stay where they come from.
    const client = call as unknown as Duplex;
    client.pipe(passed);
    passed.pipe(client);
    passed.once('error', (error) => call.emit('error', statusOf(error)));
  };
  const definition = { ...bytesMethod(INFERENCE_SERVICE_NAME, STREAM_METHOD, true), requestStream: true };
  return {
    service: {
      ...Object.fromEntries(
        PASSED_METHODS.map((method) => [method, bytesMethod(INFERENCE_SERVICE_NAME, method)]),
      ),
      [STREAM_METHOD]: definition,
    },
    handlers: { ...Object.fromEntries(unary), [STREAM_METHOD]: stream },
  };
}

/** Metadata of a connection, not of a call. */
const CONNECTION_METADATA = /^(:|grpc-|user-agent$|content-type$|te$)/;

export function passedCall(call: Call | ServerDuplexStream<Buffer, Uint8Array>): PassedCall {
  const headers = Object.fromEntries(
    Object.entries(call.metadata.getMap()).flatMap(([name, value]) =>
      CONNECTION_METADATA.test(name) || typeof value !== 'string' ? [] : [[name, value] as const],
    ),
  );
  const gone = new AbortController();
  if (call.cancelled) gone.abort();
  else call.once('cancelled', () => gone.abort());
  return { headers, signal: gone.signal };
}
