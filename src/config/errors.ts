/**
 * HTTP status by error code. Codes are API and never change.
 */
const HTTP_STATUS = {
  INVALID_REQUEST: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  UNKNOWN_MODEL: 404,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  CONFLICT: 409,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_ENCODING: 415,
  INFERENCE_FAILED: 500,
  INTERNAL: 500,
  OVERLOADED: 503,
  UNAVAILABLE: 503,
  WORKER_LOST: 503,
  DEADLINE_EXCEEDED: 504,
  MODEL_INVALID: 500,
  FILE_NOT_FOUND: 500,
  CONFIG_INVALID: 500,
  ADDRESS_IN_USE: 500,
} as const satisfies Record<string, number>;

/** What kind of error it is. */
export type ErrorCode = keyof typeof HTTP_STATUS;
export type ErrorStatus = (typeof HTTP_STATUS)[ErrorCode];

/** Every error that users can get. `message` says what is wrong, where, and what was expected. */
export class ServingError extends Error {
  override readonly name = 'ServingError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** The HTTP status of this code. */
  get status(): ErrorStatus {
    return HTTP_STATUS[this.code];
  }
}

/** The message of a thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
