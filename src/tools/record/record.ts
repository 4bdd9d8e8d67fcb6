import { setTimeout as sleep } from 'node:timers/promises';
import { unzipSync, zipSync } from 'fflate';
import { type ErrorCode, messageOf, ServingError } from '../../config/errors.ts';

export interface RecordOptions {
  /** Where the server listens, such as http://127.0.0.1:8080. */
  readonly url: string;
  readonly model: string;
  readonly version?: string | undefined;
  /** The server's control token. */
  readonly token?: string | undefined;
  /** Most requests. */
  readonly requests: number;
  /** Time in seconds to wait for that many; then those that there are are taken. */
  readonly waitSeconds: number;
}

export interface TrafficRecording {
  readonly requests: number;
  /** An `.npz` file: the input `x` of request 7 is the array `7/x`. */
  readonly bytes: Uint8Array;
}

/** Time between two looks at what the server keeps. */
const POLL_MS = 500;

/**
 * Records the inputs of requests that a running server keeps, oldest first.
 *
 * @throws ServingError UNAVAILABLE without an answer, or where the server kept no request in time; UNAUTHORIZED, FORBIDDEN
 *   (also unless the server sets `sampling.allowRecord`), UNKNOWN_MODEL, INVALID_REQUEST.
 */
export async function record(options: RecordOptions): Promise<TrafficRecording> {
  const until = performance.now() + options.waitSeconds * 1000;
  const numbers = new Set<number>();
  const files: Record<string, Uint8Array> = {};
  let next = 0;
  for (;;) {
    const found = Object.entries(await keptFrom(next, options));
    for (const [file, content] of found) {
      const number = Number(file.split('/', 1)[0]);
      if (!numbers.has(number) && numbers.size === options.requests) break;
      numbers.add(number);
      files[file] = content;
      next = number + 1;
    }
    const isOver = performance.now() >= until;
    if (numbers.size === options.requests || (isOver && numbers.size > 0))
      return { requests: numbers.size, bytes: zipSync(files, { level: 1 }) };
    if (isOver)
      throw new ServingError(
        'UNAVAILABLE',
        `no request of '${options.model}' was kept within ${options.waitSeconds} s: requests are kept in modes auto and observe, while thresholds are tested on them`,
      );
    await sleep(POLL_MS);
  }
}

async function keptFrom(
  first: number,
  { url, model, version, token }: RecordOptions,
): Promise<Readonly<Record<string, Uint8Array>>> {
  const path = [model, ...(version === undefined ? [] : ['versions', version])]
    .map(encodeURIComponent)
    .join('/');
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  let response: Response;
  let body: Uint8Array;
  try {
    response = await fetch(`${url.replace(/\/+$/, '')}/v2/models/${path}/pruning/inputs?from=${first}`, {
      headers,
    });
    body = new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    const reason = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw new ServingError('UNAVAILABLE', `${url} does not answer: ${messageOf(reason)}`);
  }
  if (response.ok) return unzipSync(body);
  throw new ServingError(codeOf(response.status), `${url} answers ${response.status}: ${errorIn(body)}`);
}

const CODES: Readonly<Record<number, ErrorCode>> = {
  400: 'INVALID_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'UNKNOWN_MODEL',
};

function codeOf(status: number): ErrorCode {
  return CODES[status] ?? 'UNAVAILABLE';
}

/** The reason in a body of the protocol, else the beginning of the body. */
function errorIn(body: Uint8Array): string {
  const text = Buffer.from(body).toString();
  try {
    return String((JSON.parse(text) as { readonly error?: unknown }).error);
  } catch {
    return text.slice(0, 200);
  }
}
