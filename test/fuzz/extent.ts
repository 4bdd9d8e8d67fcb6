/** How much is fuzzed: a small share in the test suite, the whole of it in `npm run fuzz`. */

const isJob = process.env.FUZZ === 'job';

/** Requests through the application in this process. */
export const REQUESTS = setting('FUZZ_REQUESTS', isJob ? 200_000 : 4000);
/** Requests per model over a socket to real workers, and as many messages that are hardly HTTP. */
export const SOCKET_REQUESTS = setting('FUZZ_SOCKET_REQUESTS', isJob ? 5000 : 400);
export const SEED = setting('FUZZ_SEED', 1);

/** Growth that no run of the job may show, and less than one small object per request. */
export const MAX_BYTES_PER_1000_REQUESTS = 64 * 1024;

function setting(name: string, fallback: number): number {
  return Number(process.env[name] ?? fallback);
}

/** One line of JSON per part: counts per status, complaints, memory. */
export function print(part: string, requests: number, result: object): void {
  console.log(JSON.stringify({ fuzz: part, seed: SEED, requests, ...result }));
}
