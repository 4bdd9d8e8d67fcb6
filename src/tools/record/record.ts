import { setTimeout as sleep } from 'node:timers/promises';
import { unzipSync, zipSync } from 'fflate';
import { type ErrorCode, messageOf, ServingError } from '../../config/errors.ts';
import { MOST_NPZ_ENTRIES } from '../../protocol/npz.ts';

export interface RecordOptions {
  /** Where the server listens, such as http://127.0.0.1:8080. */
  readonly url: string;
  readonly model: string;
  readonly version?: string | undefined;
  /** The server's control token. */
  readonly token?: string | undefined;
  /** Most requests; fewer where their arrays are more than an archive holds. */
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
/** Most requests that a server gives away at a time. */
const AT_ONCE = 1000;

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
  let arrays = 0;
  for (;;) {
    const limit = Math.min(AT_ONCE, options.requests - numbers.size);
    const found = byRequest(await keptFrom(next, limit, options));
    let isFull = false;
    for (const [number, entries] of found) {
      isFull = numbers.size === options.requests || arrays + entries.length > MOST_NPZ_ENTRIES;
      if (isFull) break;
      numbers.add(number);
      arrays += entries.length;
      for (const [file, content] of entries) files[file] = content;
      next = number + 1;
    }
    const isOver = found.size < limit && performance.now() >= until;
    if (isFull || numbers.size === options.requests || (isOver && numbers.size > 0))
      return { requests: numbers.size, bytes: zipSync(files, { level: 1 }) };
    if (isOver)
      throw new ServingError(
        'UNAVAILABLE',
        `no request of '${options.model}' was kept within ${options.waitSeconds} s: requests are kept in modes auto and observe, while thresholds are tested on them`,
      );
    if (found.size < limit) await sleep(POLL_MS);
  }
}

type Entry = readonly [file: string, content: Uint8Array];

/** The entries of an archive by the number of their request, in its order. */
function byRequest(files: Readonly<Record<string, Uint8Array>>): ReadonlyMap<number, readonly Entry[]> {
  const requests = new Map<number, Entry[]>();
  for (const entry of Object.entries(files)) {
    const number = Number(entry[0].split('/', 1)[0]);
    const entries = requests.get(number);
    if (entries === undefined) requests.set(number, [entry]);
    else entries.push(entry);
  }
  return requests;
}

async function keptFrom(
  first: number,
  limit: number,
  { url, model, version, token }: RecordOptions,
): Promise<Readonly<Record<string, Uint8Array>>> {
  const path = [model, ...(version === undefined ? [] : ['versions', version])]
    .map(encodeURIComponent)
    .join('/');
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  let response: Response;
  let body: Uint8Array;
  try {
    const query = `from=${first}&limit=${limit}`;
    response = await fetch(`${url.replace(/\/+$/, '')}/v2/models/${path}/pruning/inputs?${query}`, {
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
