/** Longest queue; more waiting calls mean that the folder hangs. */
const MAX_WAITING = 256;

/** The last call of each queue, and how many wait in it. */
const queues = new Map<string, { last: Promise<unknown>; waiting: number }>();

/**
 * Runs file operations one after the other: each begins when those before it in the same queue have ended.
 *
 * Node has four threads for all file operations and for compression. A folder that hangs, such as one on a dead server,
 * so blocks one of them, not all.
 *
 * @param queue - name of what may hang as a whole, such as a folder.
 * @param work - must not wait for other work in the same queue.
 * @throws what the work throws; Error if too many wait already.
 */
export function runInSeries<T>(queue: string, work: () => Promise<T>): Promise<T> {
  const before = queues.get(queue) ?? { last: Promise.resolve(), waiting: 0 };
  if (before.waiting >= MAX_WAITING)
    return Promise.reject(new Error(`${queue}: ${before.waiting} calls wait for one that has not ended`));
  const done = before.last.then(work);
  const entry = { last: done.catch(() => undefined), waiting: before.waiting + 1 };
  queues.set(queue, entry);
  void entry.last.then(() => countDown(queue));
  return done;
}

function countDown(queue: string): void {
  const entry = queues.get(queue)!;
  if (entry.waiting === 1) queues.delete(queue);
  else queues.set(queue, { ...entry, waiting: entry.waiting - 1 });
}
