import { Worker } from 'node:worker_threads';
import { ServingError } from '../../config/errors.ts';
import { workerFlags } from '../../config/worker-flags.ts';
import type { CodecAnswer, CodecJob } from './messages.ts';

/** Compiled next to this file; from sources (tests) the built one is used. */
const THREAD = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/protocol/thread/thread.js' : './thread.js',
  import.meta.url,
);

/** One long body does not keep all others waiting. */
const MAX_THREADS = 2;
/** A thread that has had nothing to do for so long is let go, and its memory with it. */
const IDLE_MS = 30_000;
/** What may wait for a thread, in bytes: more is refused. */
const MAX_WAITING_BYTES = 256 << 20;

interface Pending {
  readonly job: CodecJob;
  readonly bytes: number;
  readonly moves: readonly ArrayBuffer[];
  readonly signal: AbortSignal | undefined;
  readonly resolve: (answer: CodecAnswer) => void;
  readonly reject: (error: ServingError) => void;
}

export interface CodecPoolOptions {
  readonly maxThreads?: number;
  readonly idleMs?: number;
  readonly maxWaitingBytes?: number;
}

/**
 * A few threads that decode and encode what would hold up the thread that serves. They start when they are needed.
 *
 * Why not piscina (5.3): with `minThreads: 0`, a job that waits is never run when the last thread dies or its job is
 * aborted; aborting a job that runs ends its thread; and its queue is bounded by a number of jobs, not of bytes.
 */
export class CodecPool {
  readonly #options: Required<CodecPoolOptions>;
  readonly #idle: CodecThread[] = [];
  readonly #waiting: Pending[] = [];
  #waitingBytes = 0;
  #threads = 0;

  constructor(options: CodecPoolOptions = {}) {
    this.#options = {
      maxThreads: MAX_THREADS,
      idleMs: IDLE_MS,
      maxWaitingBytes: MAX_WAITING_BYTES,
      ...options,
    };
  }

  /** Threads that are there now. */
  get threads(): number {
    return this.#threads;
  }

  /**
   * @param bytes - how large the job is.
   * @param moves - memory of the job that the caller needs no more.
   * @param signal - aborts when nobody wants the answer any more.
   * @throws ServingError OVERLOADED when too much waits already, INTERNAL when the thread died, and what the job throws.
   */
  async run(
    job: CodecJob,
    bytes: number,
    moves: readonly ArrayBuffer[],
    signal?: AbortSignal,
  ): Promise<Exclude<CodecAnswer, { kind: 'failed' }>> {
    const answer = await new Promise<CodecAnswer>((resolve, reject) => {
      const pending = { job, bytes, moves, signal, resolve, reject };
      const thread = this.#idle.pop() ?? this.#another();
      if (thread !== undefined) this.#give(thread, pending);
      else if (this.#waitingBytes + bytes > this.#options.maxWaitingBytes)
        reject(new ServingError('OVERLOADED', 'too many large bodies wait for their turn'));
      else {
        this.#waitingBytes += bytes;
        this.#waiting.push(pending);
      }
    });
    if (answer.kind !== 'failed') return answer;
    throw answer.code === undefined
      ? new Error(answer.message)
      : new ServingError(answer.code, answer.message);
  }

  #another(): CodecThread | undefined {
    if (this.#threads >= this.#options.maxThreads) return undefined;
    this.#threads++;
    return new CodecThread((thread) => this.#lost(thread));
  }

  #give(thread: CodecThread, pending: Pending): void {
    void thread.run(pending).then((isAlive) => {
      if (isAlive) this.#free(thread);
    });
  }

  #free(thread: CodecThread): void {
    const next = this.#next();
    if (next !== undefined) {
      this.#give(thread, next);
      return;
    }
    this.#idle.push(thread);
    thread.whenIdleFor(this.#options.idleMs, () => {
      this.#forget(thread);
      thread.stop();
    });
  }

  /** Another thread takes over what waits. */
  #lost(thread: CodecThread): void {
    this.#forget(thread);
    this.#threads--;
    const next = this.#next();
    if (next !== undefined) this.#give(this.#another()!, next);
  }

  #forget(thread: CodecThread): void {
    const at = this.#idle.indexOf(thread);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  /** Whose client is gone needs no answer. */
  #next(): Pending | undefined {
    for (;;) {
      const next = this.#waiting.shift();
      if (next === undefined) return undefined;
      this.#waitingBytes -= next.bytes;
      if (next.signal?.aborted !== true) return next;
      next.reject(new ServingError('UNAVAILABLE', 'the client is gone'));
    }
  }
}

/** One thread, one job at a time. It keeps no process from ending. */
class CodecThread {
  readonly #worker: Worker;
  #pending: Pending | undefined;
  #settled: ((isAlive: boolean) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(onExit: (thread: CodecThread) => void) {
    this.#worker = new Worker(THREAD, { execArgv: workerFlags() });
    this.#worker.unref();
    let crash = '';
    this.#worker.on('message', (answer: CodecAnswer) => {
      this.#pending?.resolve(answer);
      this.#settle(true);
    });
    this.#worker.on('error', ({ message }) => {
      crash = message;
    });
    this.#worker.once('exit', () => {
      clearTimeout(this.#timer);
      this.#pending?.reject(new ServingError('INTERNAL', `the codec's thread died: ${crash}`));
      this.#settle(false);
      onExit(this);
    });
  }

  /** @returns whether it can take another job. */
  run(pending: Pending): Promise<boolean> {
    clearTimeout(this.#timer);
    this.#pending = pending;
    // As long as somebody waits, the process has something to do.
    this.#worker.ref();
    return new Promise((resolve) => {
      this.#settled = resolve;
      try {
        this.#worker.postMessage(pending.job, pending.moves);
      } catch (error) {
        pending.reject(new ServingError('INTERNAL', `a job cannot reach its thread: ${String(error)}`));
        this.#settle(true);
      }
    });
  }

  whenIdleFor(ms: number, then: () => void): void {
    this.#timer = setTimeout(then, ms).unref();
  }

  stop(): void {
    void this.#worker.terminate();
  }

  #settle(isAlive: boolean): void {
    this.#pending = undefined;
    this.#worker.unref();
    this.#settled?.(isAlive);
    this.#settled = undefined;
  }
}
