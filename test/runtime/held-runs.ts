import { Worker } from 'node:worker_threads';
import { vi } from 'vitest';

/**
 * Workers get no run until they are released: they look busy for exactly as long as a test needs. Held runs are under way
 * for the thread that serves, as those are that a worker has in its mailbox.
 *
 * @returns what hands every held run to its worker, in order, and holds no further one.
 */
export function holdRuns(): () => void {
  const post = Worker.prototype.postMessage;
  const held: (() => void)[] = [];
  const spy = vi.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (this: Worker, ...sent) {
    const isRun = (sent[0] as { kind?: string } | null)?.kind === 'run';
    if (isRun) held.push(() => post.apply(this, sent));
    else post.apply(this, sent);
  });
  return () => {
    spy.mockRestore();
    for (const send of held.splice(0)) send();
  };
}
