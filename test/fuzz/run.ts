import type { ModelMetadata } from '../../src/protocol/types.ts';
import { type MemoryGrowth, MemoryReadings } from './memory.ts';
import { type FuzzRequest, fuzzRequest } from './requests.ts';
import { complaint, type FuzzAnswer } from './verdict.ts';

export interface FuzzOptions {
  readonly seed: number;
  readonly requests: number;
  readonly models: readonly ModelMetadata[];
  readonly send: (request: FuzzRequest) => Promise<FuzzAnswer>;
}

export interface FuzzResult {
  readonly statuses: Readonly<Record<number, number>>;
  /** What was wrong with an answer, and the whole of the request, for the first few. */
  readonly complaints: readonly string[];
  readonly perSecond: number;
  /** Undefined for a run too short to tell: fewer than `LEAST_REQUESTS_FOR_MEMORY`. */
  readonly memory: MemoryGrowth | undefined;
}

const READ_EVERY = 5000;
const LEAST_READINGS = 6;
export const LEAST_REQUESTS_FOR_MEMORY = READ_EVERY * LEAST_READINGS;
const MOST_COMPLAINTS = 5;

/** Sends the requests of a seed one after the other, until there is enough to complain about. */
export async function fuzz({ seed, requests, models, send }: FuzzOptions): Promise<FuzzResult> {
  const statuses: Record<number, number> = {};
  const complaints: string[] = [];
  const readings = new MemoryReadings();
  const started = performance.now();
  let sent = 0;
  for (; sent < requests && complaints.length < MOST_COMPLAINTS; sent++) {
    const request = fuzzRequest(seed, sent, models);
    const { status, problem } = await judged(request, send);
    statuses[status] = (statuses[status] ?? 0) + 1;
    if (problem !== undefined) complaints.push(`${problem}\n${reproduction(seed, sent, request)}`);
    if (sent % READ_EVERY === READ_EVERY - 1) readings.take(sent);
  }
  const seconds = (performance.now() - started) / 1000;
  const memory = sent >= LEAST_REQUESTS_FOR_MEMORY ? readings.growth() : undefined;
  return { statuses, complaints, perSecond: Math.round(sent / seconds), memory };
}

/** Status 0: no answer at all. */
async function judged(
  request: FuzzRequest,
  send: FuzzOptions['send'],
): Promise<{ status: number; problem: string | undefined }> {
  try {
    const answer = await send(request);
    return { status: answer.status, problem: complaint(request, answer) };
  } catch (error) {
    return { status: 0, problem: String(error) };
  }
}

function reproduction(seed: number, index: number, { method, path, headers, body }: FuzzRequest): string {
  const parts = { seed, index, method, path, headers, body: Buffer.from(body).toString('base64') };
  return `the request, its body in base64: ${JSON.stringify(parts)}`;
}
