import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { leastSquaresSlope, type Point, secondHalf } from '../../src/bench/slope.ts';
import type { ModelMetadata } from '../../src/protocol/types.ts';
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
  readonly perSecond: number;
  /** Growth of resident memory over the second half of the run, read after full collections; null for a short run. */
  readonly slopeBytesPerRequest: number | null;
}

const READ_EVERY = 5000;
const LEAST_READINGS = 6;

/**
 * Sends the requests of a seed one after the other.
 *
 * @throws Error with the seed, the number and the whole of the first request whose answer is wrong.
 */
export async function fuzz({ seed, requests, models, send }: FuzzOptions): Promise<FuzzResult> {
  const statuses: Record<number, number> = {};
  const rss: Point[] = [];
  const collect = collector();
  const started = performance.now();
  for (let index = 0; index < requests; index++) {
    const request = fuzzRequest(seed, index, models);
    const status = await judged(request, send).catch((error: Error) => {
      throw new Error(`${error.message}\n${reproduction(seed, index, request)}`);
    });
    statuses[status] = (statuses[status] ?? 0) + 1;
    if (index % READ_EVERY === READ_EVERY - 1) {
      collect();
      rss.push({ x: index, y: process.memoryUsage.rss() });
    }
  }
  const seconds = (performance.now() - started) / 1000;
  return {
    statuses,
    perSecond: Math.round(requests / seconds),
    slopeBytesPerRequest: rss.length < LEAST_READINGS ? null : leastSquaresSlope(secondHalf(rss)),
  };
}

async function judged(request: FuzzRequest, send: FuzzOptions['send']): Promise<number> {
  const answer = await send(request);
  const problem = complaint(request, answer);
  if (problem !== undefined) throw new Error(problem);
  return answer.status;
}

function reproduction(seed: number, index: number, { method, path, headers, body }: FuzzRequest): string {
  const parts = { seed, index, method, path, headers, body: Buffer.from(body).toString('base64') };
  return `the request, its body in base64: ${JSON.stringify(parts)}`;
}

function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc');
}

/** A setting of the job from the environment. */
export function setting(name: string, fallback: number): number {
  return Number(process.env[name] ?? fallback);
}
