import { ServingError } from '../errors.ts';
import type { InferContext } from '../http/plane.ts';
import type { InferRequest } from '../protocol/types.ts';
import type { Run } from '../runtime/runtime.ts';

/** The longest time that a timer takes; a longer one would end at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Runs `work` under the request's `timeout` parameter (microseconds, as in Triton) and the client's own signal.
 *
 * @throws ServingError DEADLINE_EXCEEDED once the time is over; work that still waits is then taken out of the queue.
 */
export async function deadlineOf<T>(
  request: InferRequest,
  context: InferContext,
  work: (client: Pick<Run, 'signal'>) => Promise<T>,
): Promise<T> {
  const timeoutUs = request.parameters.timeout;
  if (typeof timeoutUs !== 'number' || timeoutUs <= 0) return work(context);
  const expired = new AbortController();
  const signal =
    context.signal === undefined ? expired.signal : AbortSignal.any([context.signal, expired.signal]);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => {
        reject(new ServingError('DEADLINE_EXCEEDED', `no answer within the timeout of ${timeoutUs} µs`));
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
