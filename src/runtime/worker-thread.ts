import { Worker } from 'node:worker_threads';
import { ServingError } from '../errors.ts';
import type { FromWorker, RunDone, RunMessage, WorkerSetup } from './messages.ts';

// The native library reports usage unless this is set in the process before a thread loads it.
process.env.ORT_DISABLE_TELEMETRY = '1';

/** Compiled next to this file; from sources (tests) the built one is used. */
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/runtime/worker.js' : './worker.js',
  import.meta.url,
);

interface Pending {
  readonly resolve: (done: RunDone) => void;
  readonly reject: (error: ServingError) => void;
}

/** One worker thread as promises. It dies once; a new one takes its place. */
export class WorkerThread {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly setup: WorkerSetup;
  readonly ready: Promise<void>;
  isReady = false;
  isAlive = true;
  #isRetired = false;

  constructor(setup: WorkerSetup, onExit: (worker: WorkerThread) => void) {
    this.setup = setup;
    this.#worker = new Worker(WORKER, { workerData: setup });
    let crash = '';
    this.ready = new Promise((resolve, reject) => {
      this.#worker.on('message', (message: FromWorker) => {
        if (message.kind === 'ready') {
          this.isReady = true;
          resolve();
        } else if (message.kind === 'unusable') reject(new ServingError('MODEL_INVALID', message.message));
        else this.#settle(message);
      });
      this.#worker.on('error', (error) => {
        crash = `: ${error.message}`;
      });
      this.#worker.on('exit', (code) => {
        this.isAlive = false;
        this.isReady = false;
        const lost = new ServingError('WORKER_LOST', `inference worker stopped with code ${code}${crash}`);
        reject(lost);
        for (const pending of this.#pending.values()) pending.reject(lost);
        this.#pending.clear();
        onExit(this);
      });
    });
    this.ready.catch(() => undefined);
  }

  /** Runs under way. */
  get load(): number {
    return this.#pending.size;
  }

  run(message: RunMessage, transfer: ArrayBuffer[]): Promise<RunDone> {
    return new Promise((resolve, reject) => {
      this.#pending.set(message.id, { resolve, reject });
      this.#worker.postMessage(message, transfer);
    });
  }

  /** Finishes what it has, then stops; it must get no new run. */
  retire(): void {
    this.#isRetired = true;
    if (this.load === 0) void this.stop();
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(message: Extract<FromWorker, { id: number }>): void {
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (this.#isRetired && this.load === 0) void this.stop();
    if (message.kind === 'done') pending?.resolve(message);
    else pending?.reject(inferenceError(message.message));
  }
}

/**
 * A run that failed after the request had been checked against the model's signature was refused for what the inputs
 * hold or how their free dimensions go together, unless memory ran out.
 */
function inferenceError(message: string): ServingError {
  if (/alloc|out of memory/i.test(message)) return new ServingError('INFERENCE_FAILED', message);
  return new ServingError('INVALID_REQUEST', `the model refused the inputs: ${message}`);
}
