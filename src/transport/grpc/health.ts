/** `grpc.health.v1.Health`: the standard health service, for the server and each model. */

import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { ServerWritableStream, UntypedHandleCall } from '@grpc/grpc-js';
import { ServingError } from '../../config/errors.ts';
import type { InferencePlane } from '../../plane/inference.ts';
import { decodeProtobuf, FieldAllowance, Fields } from '../../protocol/grpc/fields.ts';
import type { Call } from './call-context.ts';
import {
  bytesMethod,
  catchingErrors,
  INFERENCE_SERVICE_NAME,
  type InferenceServiceOptions,
  requireToken,
} from './rpc.ts';
import { statusOf } from './status.ts';

const SERVICE = 'grpc.health.v1.Health';
/** Time between two checks of watched services. */
const POLL_MS = 200;

export const HEALTH_SERVICE = {
  Check: bytesMethod(SERVICE, 'Check'),
  Watch: bytesMethod(SERVICE, 'Watch', true),
};

/** Values of `ServingStatus`. */
type Health = typeof SERVING | typeof NOT_SERVING | typeof SERVICE_UNKNOWN;
const SERVING = 1;
const NOT_SERVING = 2;
const SERVICE_UNKNOWN = 3;

export interface HealthOptions extends InferenceServiceOptions {
  /** Most open streams of `Watch`. */
  readonly maxEventStreams?: number;
  /** Called for every refused stream. */
  readonly onStreamRefused?: () => void;
}

type WatchCall = ServerWritableStream<Buffer, Uint8Array>;

interface Watcher {
  readonly call: WatchCall;
  readonly service: string;
  lastSent: Health | undefined;
}

export interface HealthHandlers {
  readonly handlers: Record<keyof typeof HEALTH_SERVICE, UntypedHandleCall>;
  /** Sends every watcher the present health, and ends its stream. */
  readonly end: () => void;
}

/**
 * The handlers of `Check` and `Watch`. The service '' or `inference.GRPCInferenceService` is the server; any other is the
 * name of a model, for which the data token is needed.
 */
export function healthHandlers(plane: InferencePlane, options: HealthOptions = {}): HealthHandlers {
  const { tokens = {}, maxEventStreams = Number.POSITIVE_INFINITY, onStreamRefused, report } = options;
  const watchers = new Set<Watcher>();
  let timer: NodeJS.Timeout | undefined;

  /** @throws ServingError UNAUTHORIZED, INVALID_REQUEST */
  function serviceOf(call: Pick<Call, 'metadata' | 'request'>): string {
    const service = decodeService(call.request);
    if (!isServer(service)) requireToken(call, tokens);
    return service;
  }

  function tell(watcher: Watcher): void {
    const health = healthOf(plane, watcher.service);
    if (health === watcher.lastSent) return;
    watcher.lastSent = health;
    watcher.call.write(encodeHealth(health));
  }

  function watch(call: WatchCall): void {
    const watcher: Watcher = { call, service: serviceOf(call), lastSent: undefined };
    if (watchers.size >= maxEventStreams) {
      onStreamRefused?.();
      throw new ServingError('OVERLOADED', `${maxEventStreams} streams are open already`);
    }
    watchers.add(watcher);
    call.on('cancelled', () => {
      watchers.delete(watcher);
      if (watchers.size === 0) stopLooking();
      call.end();
    });
    timer ??= setInterval(() => watchers.forEach(tell), POLL_MS).unref();
    tell(watcher);
  }

  function stopLooking(): void {
    clearInterval(timer);
    timer = undefined;
  }

  return {
    handlers: {
      Check: catchingErrors((call) => {
        const service = serviceOf(call);
        const health = healthOf(plane, service);
        if (health !== SERVICE_UNKNOWN) return encodeHealth(health);
        throw new ServingError('UNKNOWN_MODEL', `unknown service '${service.slice(0, 200)}'`);
      }, report),
      Watch: (call: WatchCall) => {
        try {
          watch(call);
        } catch (error) {
          call.emit('error', statusOf(error));
        }
      },
    },
    end: () => {
      stopLooking();
      for (const watcher of watchers) {
        tell(watcher);
        watcher.call.end();
      }
      watchers.clear();
    },
  };
}

function isServer(service: string): boolean {
  return service === '' || service === INFERENCE_SERVICE_NAME;
}

function healthOf(plane: InferencePlane, service: string): Health {
  try {
    const isServing = isServer(service) || plane.isModelReady(service);
    return isServing && plane.isReady ? SERVING : NOT_SERVING;
  } catch (error) {
    if (error instanceof ServingError && error.code === 'UNKNOWN_MODEL') return SERVICE_UNKNOWN;
    throw error;
  }
}

function decodeService(message: Uint8Array): string {
  return decodeProtobuf(() => {
    const fields = new Fields(message, new FieldAllowance());
    let service = '';
    while (fields.next()) {
      if (fields.number === 1) service = fields.text();
      else fields.skip();
    }
    return service;
  });
}

function encodeHealth(health: Health): Uint8Array {
  return new BinaryWriter().tag(1, WireType.Varint).int32(health).finish();
}
