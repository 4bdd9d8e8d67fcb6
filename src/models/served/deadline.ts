import { ServingError } from '../../config/errors.ts';
import type { InferContext } from '../../plane/inference.ts';
import type { InferRequest } from '../../protocol/types.ts';
import type { Run } from '../../runtime/runtime.ts';

/** Longest delay of a timer in Node; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Runs `work` under the request's `timeout` parameter (microseconds, as in Triton), the caller's deadline and its own
 * signal.
 *
 * @throws ServingError DEADLINE_EXCEEDED at the deadline; work that still waits is removed from the queue.
 */
export function withinDeadline<T>(
  request: InferRequest,
  context: InferContext,
  work: (client: Pick<Run, 'signal'>) => Promise<T>,
): Promise<T> {
  const timeoutUs = timeoutOf(request, context);
  return timeoutUs === Number.POSITIVE_INFINITY ? work(context) : workWithin(timeoutUs, context, work);
}

async function workWithin<T>(
  timeoutUs: number,
  context: InferContext,
  work: (client: Pick<Run, 'signal'>) => Promise<T>,
): Promise<T> {
  const expired = new AbortController();
  const signal =
    context.signal === undefined ? expired.signal : AbortSignal.any([context.signal, expired.signal]);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => {
        reject(
          new ServingError(
            'DEADLINE_EXCEEDED',
            `no answer within the timeout of ${Math.round(timeoutUs)} µs`,
          ),
        );
        expired.abort();
      },
      Math.min(timeoutUs / 1000, MAX_TIMER_MS),
    );
  });
  try {
    return await Promise.race([work({ signal }), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The shorter of the request's own timeout, where it has one, and its caller's, in microseconds. */
function timeoutOf(
  { parameters }: InferRequest,
  { timeoutMs = Number.POSITIVE_INFINITY }: InferContext,
): number {
  const { timeout } = parameters;
  const own = typeof timeout === 'number' || typeof timeout === 'bigint' ? Number(timeout) : 0;
  return Math.min(own > 0 ? own : Number.POSITIVE_INFINITY, timeoutMs * 1000);
}
