import type { InputRows } from '../inputs/input-rows.ts';
import { type ServerSettings, serveArguments } from './arms.ts';
import type { BenchContext } from './context.ts';
import { inferRequests, type WireForm } from './infer-requests.ts';
import { type LoadResult, runLoad } from './load.ts';
import { ServerProcess } from './server-process.ts';
import { readServer } from './server-reading.ts';
import { leastSquaresSlope, type Point, secondHalf } from './slope.ts';

export interface SoakOptions {
  readonly requests: number;
  readonly connections: number;
  readonly form: WireForm;
  readonly server: ServerSettings;
}

export interface Soak {
  readonly load: LoadResult;
  /** Growth of the server's resident memory over the second half, in bytes per 1,000 requests. */
  readonly slopeBytesPer1000Requests: number;
  /** Resident memory in bytes (y) against the requests answered so far (x). */
  readonly rss: readonly Point[];
  readonly state: string;
}

const SAMPLE_MS = 500;
const PROGRESS_EVERY = 10;
const BATCH = 1;

/** Sends many requests to one server in mode auto and follows its resident memory. @throws ServingError UNAVAILABLE */
export async function soak(rows: InputRows, options: SoakOptions, context: BenchContext): Promise<Soak> {
  const server = await ServerProcess.start(serveArguments('auto', options.server), context.signal);
  try {
    const { url, model } = server;
    const rss: Point[] = [];
    let answers = 0;
    let isOver = false;
    const load = runLoad({
      url,
      model,
      requests: inferRequests(rows, BATCH, options.form),
      connections: options.connections,
      extent: { requests: options.requests },
      signal: context.signal,
      onAnswer: (count) => {
        answers = count;
      },
    }).finally(() => {
      isOver = true;
    });
    const watch = async () => {
      while (!isOver) {
        const { rssBytes } = await readServer(url);
        rss.push({ x: answers, y: rssBytes });
        if (rss.length % PROGRESS_EVERY === 0) {
          const size = (rssBytes / 2 ** 20).toFixed(1);
          context.progress(`${answers} of ${options.requests} requests, ${size} MiB resident`);
        }
        await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
      }
    };
    const [result] = await Promise.all([load, watch()]);
    server.checkAlive();
    const { state } = await readServer(url);
    return { load: result, rss, state, slopeBytesPer1000Requests: 1000 * leastSquaresSlope(secondHalf(rss)) };
  } finally {
    await server.stop();
  }
}
