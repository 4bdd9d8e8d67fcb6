import { Metadata, type StatusObject, status } from '@grpc/grpc-js';
import { type ErrorCode, ServingError } from '../../config/errors.ts';

/** The gRPC status of every error; the message is the one that REST answers. */
export const GRPC_STATUS = {
  INVALID_REQUEST: status.INVALID_ARGUMENT,
  UNAUTHORIZED: status.UNAUTHENTICATED,
  FORBIDDEN: status.PERMISSION_DENIED,
  UNKNOWN_MODEL: status.NOT_FOUND,
  NOT_FOUND: status.NOT_FOUND,
  CONFLICT: status.FAILED_PRECONDITION,
  METHOD_NOT_ALLOWED: status.UNIMPLEMENTED,
  PAYLOAD_TOO_LARGE: status.RESOURCE_EXHAUSTED,
  UNSUPPORTED_ENCODING: status.UNIMPLEMENTED,
  INFERENCE_FAILED: status.INTERNAL,
  INTERNAL: status.INTERNAL,
  OVERLOADED: status.RESOURCE_EXHAUSTED,
  UNAVAILABLE: status.UNAVAILABLE,
  WORKER_LOST: status.UNAVAILABLE,
  DEADLINE_EXCEEDED: status.DEADLINE_EXCEEDED,
  MODEL_INVALID: status.INTERNAL,
  FILE_NOT_FOUND: status.INTERNAL,
  CONFIG_INVALID: status.INTERNAL,
  ADDRESS_IN_USE: status.INTERNAL,
} as const satisfies Record<ErrorCode, status>;

/** Clients accept headers of 8 KiB, and percent-encoding may triple every byte. */
const LONGEST_DETAILS = 1024;
const LONE_SURROGATES = /\p{Surrogate}/gu;

/** The status of an error. Messages of unexpected errors are hidden, since they may hold anything. */
export function statusOf(error: unknown): StatusObject {
  const metadata = new Metadata();
  if (isStatus(error)) return { code: error.code, details: detailsOf(error.details), metadata };
  if (!(error instanceof ServingError)) return { code: status.INTERNAL, details: 'internal error', metadata };
  return { code: GRPC_STATUS[error.code], details: detailsOf(error.message), metadata };
}

/** Whether an error is this server's: not a refusal, nor the status of a server behind this one. */
export function isOwnFault(error: unknown): boolean {
  return error instanceof ServingError ? error.status === 500 : !isStatus(error);
}

/** Of a server behind this one. */
function isStatus(error: unknown): error is { readonly code: status; readonly details: string } {
  const { code, details } = (error ?? {}) as { readonly code?: unknown; readonly details?: unknown };
  return typeof code === 'number' && code in status && typeof details === 'string';
}

/** A message cut to the length of a header, without lone surrogates, which cannot be encoded. */
function detailsOf(message: string): string {
  return message.slice(0, LONGEST_DETAILS).replace(LONE_SURROGATES, '\ufffd');
}
