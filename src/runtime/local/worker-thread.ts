import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { messageOf, ServingError } from '../../config/errors.ts';
import { workerFlags } from '../../config/worker-flags.ts';
import type { FromWorker, RunDone, RunMessage, ToWorker, WorkerData, WorkerSetup } from './messages.ts';
import { stopRuns } from './native-session.ts';

// The native library reports usage unless this is set in the process before a thread loads it.
process.env.ORT_DISABLE_TELEMETRY = '1';

/** The compiled file; sources (tests) use it too. */
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/runtime/local/worker.js' : './worker.js',
  import.meta.url,
);

interface Pending {
  readonly id: number;
  readonly resolve: (done: RunDone) => void;
  readonly reject: (error: ServingError) => void;
}

/**
 * One worker thread, with promises. It is not restarted: a new one replaces it.
 *
 * It is never terminated from outside: terminating a thread inside the native library ends the process.
 */
export class WorkerThread {
  readonly #worker: Worker;
  /** A port of its own, since `receiveMessageOnPort` reads messages before the event loop delivers them. */
  readonly #answers: MessagePort;
  readonly #receive: (message: FromWorker) => void;
  /**
   * Runs under way, in the order in which they will be answered.
   *
   * No Map: one that many entries pass through moves to a new table again and again, and every table keeps the next one
   * alive until a full garbage collection, requests and all; collections of the young generation took four times as long.
   */
  readonly #pending: Pending[] = [];
  readonly setup: WorkerSetup;
  readonly ready: Promise<void>;
  /** Whether it has opened the model; it may have ended since. */
  hasOpened = false;
  #isAlive = true;
  #stoppable: readonly bigint[] = [];
  /** The run that is being stopped, and the errors for it and for the runs behind it. */
  #stopping: { readonly id: number; readonly overdue: ServingError; readonly lost: ServingError } | undefined;
  /** Start of the first run under way, in milliseconds of `performance.now()`. */
  #begunAt = 0;
  /** Resolves when the thread has ended or was abandoned. */
  readonly #ended: Promise<void>;
  #leave: () => void = () => undefined;

  constructor(setup: WorkerSetup, onExit: (worker: WorkerThread) => void) {
    this.setup = setup;
    const { port1, port2 } = new MessageChannel();
    const data: WorkerData = { setup, answers: port2 };
    this.#worker = new Worker(WORKER, { workerData: data, transferList: [port2], execArgv: workerFlags() });
    this.#answers = port1;
    this.#ended = new Promise((resolve) => {
      this.#leave = resolve;
    });
    let crash = '';
    let opened: () => void;
    let refused: (error: ServingError) => void;
    this.ready = new Promise((resolve, reject) => {
      opened = resolve;
      refused = reject;
    });
    this.#receive = (message) => {
      if (message.kind === 'ready') {
        this.hasOpened = true;
        this.#stoppable = message.stoppable;
        opened();
      } else if (message.kind === 'unusable') refused(new ServingError('MODEL_INVALID', message.message));
      else this.#settle(message);
    };
    port1.on('message', this.#receive);
    this.#worker.on('error', (error) => {
      crash = `: ${error.message}`;
    });
    this.#worker.on('exit', (code) => {
      this.settleEnded();
      port1.close();
      this.#isAlive = false;
      this.#leave();
      const lost = new ServingError('WORKER_LOST', `inference worker stopped with code ${code}${crash}`);
      refused(lost);
      for (const pending of this.#pending.splice(0)) pending.reject(lost);
      onExit(this);
    });
    this.ready.catch(() => undefined);
  }

  get isReady(): boolean {
    return this.hasOpened && this.#isAlive;
  }

  /** Runs under way. */
  get load(): number {
    return this.#pending.length;
  }

  /** @throws ServingError WORKER_LOST, INFERENCE_FAILED, or INVALID_REQUEST for inputs that the model or the worker cannot take. */
  run(message: RunMessage, transfer: ArrayBuffer[]): Promise<RunDone> {
    return new Promise((resolve, reject) => {
      try {
        this.#worker.postMessage(message, transfer);
      } catch (error) {
        reject(
          new ServingError('INVALID_REQUEST', `the inputs cannot be sent to a worker: ${messageOf(error)}`, {
            cause: error,
          }),
        );
        return;
      }
      if (this.#pending.length === 0) this.#begunAt = performance.now();
      this.#pending.push({ id: message.id, resolve, reject });
    });
  }

  /** Settles finished runs at once, before the event loop delivers their messages. */
  settleEnded(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#answers);
      if (received === undefined) return;
      this.#receive(received.message);
    }
  }

  /** Ends the thread after its present runs; it must get no new ones. */
  stop(): Promise<void> {
    this.#worker.postMessage({ kind: 'stop' } satisfies ToWorker);
    return this.#ended;
  }

  /** Whether a run takes longer than `limitMs`; finished runs whose messages still wait do not count. */
  isOverdue(limitMs: number): boolean {
    this.settleEnded();
    return this.#pending.length > 0 && performance.now() - this.#begunAt > limitMs;
  }

  /**
   * Stops the run under way at its next node; it fails with `overdue`. If the next run has begun by then, that one is
   * stopped instead and fails with `lost`. The worker goes on.
   *
   * @returns false if the session cannot be stopped (onnxruntime-node's), or is being stopped already.
   */
  stopRun(overdue: ServingError, lost: ServingError): boolean {
    const [first] = this.#pending;
    if (first === undefined || this.#stoppable.length === 0 || this.isStopping) return false;
    this.#stopping = { id: first.id, overdue, lost };
    stopRuns(this.#stoppable);
    return true;
  }

  /** Whether the run under way is being stopped. */
  get isStopping(): boolean {
    return this.#stopping !== undefined && this.#stopping.id === this.#pending[0]?.id;
  }

  /**
   * Gives up the run under way: it fails with `overdue`, those behind it with `lost`. The thread ends when the run does, if ever.
   */
  abandon(overdue: ServingError, lost: ServingError): void {
    this.#isAlive = false;
    const [first, ...others] = this.#pending.splice(0);
    first?.reject(overdue);
    for (const pending of others) pending.reject(lost);
    void this.stop();
    this.#leave();
  }

  #stopped(id: number): ServingError {
    const { overdue, lost } = this.#stopping!;
    return id === this.#stopping!.id ? overdue : lost;
  }

  #settle(message: Extract<FromWorker, { id: number }>): void {
    const index = this.#pending.findIndex(({ id }) => id === message.id);
    if (index < 0) return;
    const [pending] = this.#pending.splice(index, 1);
    this.#begunAt = performance.now();
    if (message.kind === 'done') pending?.resolve(message);
    else if (message.isStopped) pending?.reject(this.#stopped(message.id));
    else pending?.reject(inferenceError(message.message));
  }
}

/**
 * The error of a failed run. The request fits the model's signature, so the values or the free dimensions of its inputs are
 * at fault, unless memory ran out.
 */
function inferenceError(message: string): ServingError {
  if (/alloc|out of memory/i.test(message)) return new ServingError('INFERENCE_FAILED', message);
  return new ServingError('INVALID_REQUEST', `the model refused the inputs: ${message}`);
}
