/** More than so many that wait for a folder mean that it hangs. */
const MAX_WAITING = 256;

/** The last of those that wait, and how many there are, per lane. */
const lanes = new Map<string, { last: Promise<unknown>; waiting: number }>();

/**
 * Does work on files once all that came before it in the same lane has ended.
 *
 * Every call into the file system holds one of the four threads that Node has for them, also for compression and for the
 * files of models. A folder that hangs, as on a server that is gone, keeps the one that it has, and gets no other.
 *
 * @param lane - what may hang together, such as a folder.
 * @param work - calls one after the other; must not wait for another turn in the same lane.
 * @throws what the work throws; Error where too many wait already.
 */
export function inTurn<T>(lane: string, work: () => Promise<T>): Promise<T> {
  const before = lanes.get(lane) ?? { last: Promise.resolve(), waiting: 0 };
  if (before.waiting >= MAX_WAITING)
    return Promise.reject(new Error(`${lane}: ${before.waiting} calls wait for one that has not ended`));
  const done = before.last.then(work);
  const entry = { last: done.catch(() => undefined), waiting: before.waiting + 1 };
  lanes.set(lane, entry);
  void entry.last.then(() => left(lane));
  return done;
}

function left(lane: string): void {
  const now = lanes.get(lane)!;
  if (now.waiting === 1) lanes.delete(lane);
  else lanes.set(lane, { ...now, waiting: now.waiting - 1 });
}
