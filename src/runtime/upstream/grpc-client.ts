import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { messageOf } from '../../config/errors.ts';
import { decodeInferResponse } from '../../protocol/grpc/decode-response.ts';
import { encodeInferRequest } from '../../protocol/grpc/encode-request.ts';
import type { ModelMetadata, Parameters, Tensor } from '../../protocol/types.ts';
import type { UpstreamAddress } from './address.ts';
import {
  abortFault,
  type FaultKind,
  type Headers,
  isAnswer,
  malformed,
  type UpstreamClient,
  UpstreamFault,
  type UpstreamRequest,
} from './client.ts';
import {
  decodeBoolean,
  decodeConfigParameters,
  decodeModelMetadata,
  encodeModelName,
} from './grpc-messages.ts';

const SERVICE = '/inference.GRPCInferenceService';
const UNLIMITED = -1;

/** The v2 protocol over gRPC, on one connection. */
export class GrpcClient implements UpstreamClient {
  readonly #client: Client;
  readonly #headers: Headers;

  /** @param headers - sent with every call that brings none of the same name. */
  constructor({ authority, isSecure }: UpstreamAddress, headers: Headers) {
    this.#headers = headers;
    this.#client = new Client(authority, isSecure ? credentials.createSsl() : credentials.createInsecure(), {
      'grpc.max_receive_message_length': UNLIMITED,
      'grpc.max_send_message_length': UNLIMITED,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_channelz': 0,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 2000,
      // A connection that is dead without a word is noticed.
      'grpc.keepalive_time_ms': 30_000,
      'grpc.keepalive_timeout_ms': 5000,
    });
  }

  async infer({
    model,
    inputs,
    outputs,
    parameters = {},
    headers,
    signal,
  }: UpstreamRequest): Promise<readonly Tensor[]> {
    const asked = outputs.map((name) => ({ name, parameters: {} }));
    let message: Uint8Array;
    try {
      message = encodeInferRequest(
        model,
        { parameters: withIntegers(parameters), inputs, outputs: asked },
        true,
      );
    } catch (error) {
      throw new UpstreamFault('invalid', messageOf(error));
    }
    return this.#call('ModelInfer', message, decodeInferResponse, signal, headers);
  }

  async isReady(model: string, signal: AbortSignal): Promise<boolean> {
    try {
      return await this.#call('ModelReady', encodeModelName(model), decodeBoolean, signal);
    } catch (error) {
      if (error instanceof UpstreamFault && (error.kind === 'unknown' || error.kind === 'invalid'))
        return false;
      throw error;
    }
  }

  metadata(model: string, signal: AbortSignal): Promise<ModelMetadata> {
    return this.#call('ModelMetadata', encodeModelName(model), decodeModelMetadata, signal);
  }

  async parameters(model: string, signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    try {
      return await this.#call('ModelConfig', encodeModelName(model), decodeConfigParameters, signal);
    } catch (error) {
      // An extension of Triton's: others do not have it.
      if (error instanceof UpstreamFault && isAnswer(error.kind)) return {};
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#client.close();
  }

  #call<T>(
    method: string,
    message: Uint8Array,
    decode: (message: Uint8Array) => T,
    signal: AbortSignal,
    headers: Headers = {},
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(abortFault(signal));
      const metadata = new Metadata();
      try {
        for (const [name, value] of Object.entries({ ...this.#headers, ...headers }))
          metadata.set(name, value);
      } catch (error) {
        return reject(new UpstreamFault('invalid', `a header cannot be passed on: ${messageOf(error)}`));
      }
      const cancel = () => call.cancel();
      // grpc-js keeps the stack of the caller for its errors, which takes longer than encoding a request.
      const { stackTraceLimit } = Error;
      Error.stackTraceLimit = 0;
      const call = this.#client.makeUnaryRequest(
        `${SERVICE}/${method}`,
        asBuffer,
        (bytes) => bytes,
        message,
        metadata,
        (error, answer) => {
          signal.removeEventListener('abort', cancel);
          if (error !== null) return reject(faultOf(error, signal));
          try {
            const { buffer, byteOffset, byteLength } = answer!;
            // Not as a Buffer, whose parts would be Buffers.
            resolve(decode(new Uint8Array(buffer, byteOffset, byteLength)));
          } catch (problem) {
            reject(malformed(problem));
          }
        },
      );
      Error.stackTraceLimit = stackTraceLimit;
      signal.addEventListener('abort', cancel, { once: true });
    });
  }
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** Servers expect integers, such as `priority`, as integers. */
function withIntegers(parameters: Parameters): Parameters {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [
      name,
      typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value,
    ]),
  );
}

const KINDS: Partial<Readonly<Record<status, FaultKind>>> = {
  [status.INVALID_ARGUMENT]: 'invalid',
  [status.FAILED_PRECONDITION]: 'invalid',
  [status.OUT_OF_RANGE]: 'invalid',
  [status.NOT_FOUND]: 'unknown',
  [status.UNAUTHENTICATED]: 'unauthorized',
  [status.PERMISSION_DENIED]: 'forbidden',
  [status.RESOURCE_EXHAUSTED]: 'busy',
  [status.DEADLINE_EXCEEDED]: 'late',
};

function faultOf(error: ServiceError, signal: AbortSignal): UpstreamFault {
  if (signal.aborted) return abortFault(signal);
  const { code } = error;
  const details = error.details.replace(/\.? Resolution note: $/, '');
  if (code === status.UNAVAILABLE) return new UpstreamFault(unavailableKind(details), `upstream: ${details}`);
  // Triton says so of what it does not have.
  const isUnknown = code !== status.NOT_FOUND && /unknown model/i.test(details);
  const kind = isUnknown ? 'unknown' : (KINDS[code] ?? 'failed');
  return new UpstreamFault(kind, details === '' ? `upstream: ${status[code]}` : details, { cause: error });
}

/** Three things have the same status: no connection, one that broke, and a server that says so. */
function unavailableKind(details: string): FaultKind {
  if (/^No connection established|^Name resolution failed/i.test(details)) return 'unreached';
  return /connection dropped|ECONNRESET|GOAWAY|stream|socket|write|session/i.test(details) ? 'lost' : 'busy';
}
