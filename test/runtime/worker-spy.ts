import { Worker } from 'node:worker_threads';
import { vi } from 'vitest';

export interface WorkerSpy {
  /** Runs that were posted to workers. */
  readonly runs: () => number;
  /** The worker that the latest run was posted to. */
  readonly latest: () => Worker;
  /**
   * The worker that gets the next message dies before it reads that. It is not terminated, but gets a message that it
   * cannot read and dies as of a bug of its own: a thread that is cut off inside the native library aborts the process.
   */
  readonly killNext: () => void;
  readonly restore: () => void;
}

/** Watches the messages to worker threads, which tells both what is run and where. */
export function spyOnWorkers(): WorkerSpy {
  const post = Worker.prototype.postMessage;
  const spy = vi.spyOn(Worker.prototype, 'postMessage');
  const isRun = ([message]: readonly unknown[]) => (message as { kind?: string } | null)?.kind === 'run';
  return {
    runs: () => spy.mock.calls.filter(isRun).length,
    latest: () => spy.mock.contexts[spy.mock.calls.findLastIndex(isRun)] as Worker,
    killNext: () => {
      spy.mockImplementationOnce(function (this: Worker, ...message) {
        post.call(this, null);
        return post.apply(this, message);
      });
    },
    restore: () => spy.mockRestore(),
  };
}
