import { ServingError } from '../errors.ts';
import type { SiteOptions } from '../onnx/sites.ts';
import type { Tensor } from '../protocol/types.ts';
import { type Job, JobQueue } from './job-queue.ts';
import type { Measure, RunDone, RunMessage, WorkerSetup } from './messages.ts';
import type { Run, RunResult, Runtime, ShadowResult, ShadowRun } from './runtime.ts';
import { WorkerThread } from './worker-thread.ts';

export interface WorkerRuntimeOptions {
  readonly workers: number;
  /** Production runs that may wait; one more is refused. */
  readonly maxQueue: number;
  /** Shadow runs that may wait; one more is dropped. */
  readonly maxShadowQueue: number;
  /** How the model's sites are found; with it, thresholds that stay are baked in. */
  readonly sites?: SiteOptions | undefined;
  /** Told of every worker that died and was replaced. */
  readonly onWorkerLost?: (error: ServingError) => void;
}

interface RunJob extends Job {
  readonly run: Run;
  readonly measure: Measure;
  readonly enqueuedAt: number;
  readonly settle: (done: RunDone, startedAt: number) => void;
  readonly fail: (error: ServingError) => void;
}

/** Production runs handed to one worker at a time: while one runs, the next already waits in its mailbox. */
const PIPELINE = 2;
const RESPAWN_DELAY_MS = 200;

/** Runs a model in worker threads: the calling thread never runs inference. */
export class WorkerRuntime implements Runtime {
  #setup: WorkerSetup;
  readonly #options: WorkerRuntimeOptions;
  readonly #queue: JobQueue<RunJob>;
  #workers: WorkerThread[] = [];
  #nextId = 0;
  #underWay = 0;
  #isClosing = false;
  #isRolling = false;
  #productionMs = 0;
  #shadowMs = 0;
  #onIdle: (() => void) | undefined;

  private constructor(setup: WorkerSetup, options: WorkerRuntimeOptions) {
    this.#setup = setup;
    this.#options = options;
    this.#queue = new JobQueue({ production: options.maxQueue, shadow: options.maxShadowQueue });
  }

  /** Starts the workers and waits until every one has opened the model. @throws ServingError MODEL_INVALID */
  static async start(setup: WorkerSetup, options: WorkerRuntimeOptions): Promise<WorkerRuntime> {
    const runtime = new WorkerRuntime(setup, options);
    for (let i = 0; i < options.workers; i++) runtime.#spawn();
    try {
      await Promise.all(runtime.#workers.map((worker) => worker.ready));
    } catch (error) {
      runtime.#isClosing = true;
      await Promise.all(runtime.#workers.map((worker) => worker.stop()));
      throw error;
    }
    return runtime;
  }

  get isReady(): boolean {
    return !this.#isClosing && this.#workers.some((worker) => worker.isAlive);
  }

  get pending(): number {
    return this.#queue.production + this.#underWay;
  }

  get busy() {
    return {
      productionMs: this.#productionMs,
      shadowMs: this.#shadowMs,
      workers: this.#options.workers,
    };
  }

  run(run: Run): Promise<RunResult> {
    return new Promise((resolve, reject) => {
      if (this.#isClosing) return reject(new ServingError('UNAVAILABLE', 'the server is shutting down'));
      const job = this.#job(run, 'nothing', false, resolve, reject);
      const worker = this.#queue.production === 0 ? this.#leastLoaded() : undefined;
      if (worker !== undefined) return this.#start(worker, job);
      if (run.signal?.aborted) return job.abort();
      if (!this.#queue.offer(job)) {
        reject(new ServingError('OVERLOADED', `${this.#options.maxQueue} requests are waiting already`));
      }
    });
  }

  prepare(threshold: number): void {
    const { sites } = this.#options;
    if (sites === undefined || this.#setup.gated === undefined || threshold === 0) return;
    if (this.#setup.baked?.threshold === threshold) return;
    this.#setup = { ...this.#setup, baked: { threshold, sites } };
    if (!this.#isRolling) void this.#roll();
  }

  shadow(run: ShadowRun): Promise<ShadowResult | 'dropped'> {
    return new Promise((resolve, reject) => {
      const job = this.#job(run, run.measure, true, resolve, (error) =>
        error.code === 'UNAVAILABLE' ? resolve('dropped') : reject(error),
      );
      if (this.#isClosing || !this.#queue.offer(job)) return resolve('dropped');
      this.#dispatch();
    });
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    for (const job of this.#queue.drainShadow()) job.abort();
    if (this.pending > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    await Promise.all(this.#workers.map((worker) => worker.stop()));
  }

  #job(
    run: Run,
    measure: Measure,
    isShadow: boolean,
    resolve: (result: ShadowResult) => void,
    reject: (error: ServingError) => void,
  ): RunJob {
    const enqueuedAt = performance.now();
    return {
      run,
      measure,
      isShadow,
      get signal() {
        return run.signal;
      },
      enqueuedAt,
      abort: () => reject(new ServingError('UNAVAILABLE', 'the request was cancelled while it waited')),
      fail: reject,
      settle: (done, startedAt) => {
        resolve({
          outputs: done.outputs,
          histograms: done.histograms,
          retained: done.retained,
          queueMs: startedAt - enqueuedAt,
          inferMs: done.inferMs,
          measureMs: done.measureMs,
        });
      },
    };
  }

  #spawn(): void {
    const worker = new WorkerThread(this.#setup, (lost) => this.#replace(lost));
    this.#workers.push(worker);
    worker.ready.then(
      () => this.#dispatch(),
      () => undefined,
    );
  }

  #replace(lost: WorkerThread): void {
    const isServing = this.#workers.includes(lost);
    this.#workers = this.#workers.filter((worker) => worker !== lost);
    if (this.#isClosing || !isServing) return;
    this.#options.onWorkerLost?.(new ServingError('WORKER_LOST', 'an inference worker died and is replaced'));
    setTimeout(() => {
      if (!this.#isClosing) this.#spawn();
    }, RESPAWN_DELAY_MS).unref();
  }

  /** Replaces the workers one after the other by such with the present setup, each only once it is ready. */
  async #roll(): Promise<void> {
    this.#isRolling = true;
    for (;;) {
      const old = this.#workers.find((worker) => worker.isReady && worker.setup !== this.#setup);
      if (old === undefined || this.#isClosing) break;
      const fresh = new WorkerThread(this.#setup, (lost) => this.#replace(lost));
      try {
        await fresh.ready;
      } catch {
        // The live gates go on answering.
        break;
      }
      if (this.#isClosing) {
        void fresh.stop();
        break;
      }
      this.#workers = [...this.#workers.filter((worker) => worker !== old), fresh];
      old.retire();
      this.#dispatch();
    }
    this.#isRolling = false;
  }

  #dispatch(): void {
    for (;;) {
      const worker = this.#leastLoaded();
      if (worker === undefined) return;
      const job = this.#queue.takeProduction() ?? (worker.load === 0 ? this.#queue.takeShadow() : undefined);
      if (job === undefined) return;
      this.#start(worker, job);
    }
  }

  #leastLoaded(): WorkerThread | undefined {
    let best: WorkerThread | undefined;
    for (const worker of this.#workers) {
      if (worker.isReady && worker.load < PIPELINE && (best === undefined || worker.load < best.load))
        best = worker;
    }
    return best;
  }

  #start(worker: WorkerThread, job: RunJob): void {
    const startedAt = performance.now();
    const { inputs, transfer } = outgoing(job.run);
    const message: RunMessage = {
      kind: 'run',
      id: this.#nextId++,
      inputs,
      outputs: job.run.outputs,
      measure: job.measure,
      ...(job.run.thresholds === undefined ? {} : { thresholds: job.run.thresholds }),
    };
    this.#underWay += job.isShadow ? 0 : 1;
    worker
      .run(message, transfer)
      .then(
        (done) => {
          if (job.isShadow) this.#shadowMs += done.inferMs + done.measureMs;
          else this.#productionMs += done.inferMs;
          job.settle(done, startedAt);
        },
        (error: ServingError) => job.fail(error),
      )
      .finally(() => {
        this.#underWay -= job.isShadow ? 0 : 1;
        this.#dispatch();
        if (this.pending === 0) this.#onIdle?.();
      });
  }
}

const TRANSFER_FROM_BYTES = 1 << 16;

/** Large inputs that nobody needs afterwards move to the worker; small ones are cheaper to copy. */
function outgoing(run: Run): { inputs: readonly Tensor[]; transfer: ArrayBuffer[] } {
  const transfer: ArrayBuffer[] = [];
  const inputs = run.inputs.map((input) => {
    const { elements } = input;
    if (!ArrayBuffer.isView(elements)) return input;
    const isWhole = elements.byteLength === elements.buffer.byteLength;
    const own = isWhole ? elements : elements.slice();
    if (elements.byteLength >= TRANSFER_FROM_BYTES && !(isWhole && run.keepInputs)) {
      transfer.push(own.buffer as ArrayBuffer);
    }
    return { ...input, elements: own };
  });
  return { inputs, transfer };
}
