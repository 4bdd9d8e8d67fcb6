import { ServingError } from '../../config/errors.ts';
import { Admission } from '../admission.ts';
import { JobQueue } from '../job-queue.ts';
import { RunJob } from '../run-job.ts';
import type { Run, RunResult, Runtime, ShadowResult, ShadowRun } from '../runtime.ts';
import { EventLoopTurn } from './event-loop-turn.ts';
import type { RunDone, RunMessage, WorkerSetup } from './messages.ts';
import { MIN_DEPTH, PipelineDepth } from './pipeline-depth.ts';
import { transferOf } from './run-transfer.ts';
import { WorkerPool, type WorkerPoolOptions } from './worker-pool.ts';
import type { WorkerThread } from './worker-thread.ts';

export interface WorkerRuntimeOptions extends WorkerPoolOptions {
  /** Most production runs that may wait; more are refused. Absent: see `Admission`. */
  readonly maxQueue?: number | undefined;
  /** Longest predicted wait at which a production run is accepted; absent: any. */
  readonly maxQueueMs?: number | undefined;
  /** Most shadow runs that may wait; more are dropped. */
  readonly maxShadowQueue: number;
}

/** Runs a model in worker threads: the calling thread never runs inference. */
export class WorkerRuntime implements Runtime {
  readonly #options: WorkerRuntimeOptions;
  readonly #queue: JobQueue;
  readonly #pool: WorkerPool;
  readonly #admission: Admission;
  readonly #depth: PipelineDepth;
  readonly #turn = new EventLoopTurn();
  #nextId = 0;
  #underWay = 0;
  #closed: Promise<void> | undefined;
  #productionMs = 0;
  #shadowMs = 0;
  #onIdle: (() => void) | undefined;

  private constructor(setup: WorkerSetup, options: WorkerRuntimeOptions) {
    this.#options = options;
    const queue = new JobQueue(options.maxShadowQueue, () => this.#noticeIdle());
    this.#queue = queue;
    const { maxQueue, maxQueueMs = Number.POSITIVE_INFINITY, workers } = options;
    this.#admission = new Admission({ maxQueue, maxQueueMs, workers });
    // Runs in a mailbox count as waiting, so it is bounded by the queue's limit.
    this.#depth = new PipelineDepth(
      maxQueue === undefined ? undefined : MIN_DEPTH + Math.floor(maxQueue / workers),
    );
    this.#pool = new WorkerPool(setup, options, {
      get isWaiting() {
        return queue.production > 0;
      },
      onWorker: () => this.#dispatch(),
      giveUp: (error) => {
        for (const job of queue.drainProduction()) job.reject(error);
        this.#noticeIdle();
      },
    });
  }

  /** Starts the workers and waits until every one has opened the model. @throws ServingError MODEL_INVALID */
  static async start(setup: WorkerSetup, options: WorkerRuntimeOptions): Promise<WorkerRuntime> {
    const runtime = new WorkerRuntime(setup, options);
    try {
      await runtime.#pool.opened();
    } catch (error) {
      await runtime.#pool.stop();
      throw error;
    }
    return runtime;
  }

  get isReady(): boolean {
    return this.#pool.isReady;
  }

  get stuck(): string | undefined {
    return this.#pool.stuck;
  }

  get pending(): number {
    return this.#queue.production + this.#underWay;
  }

  /** Of the runs in a worker's mailbox the first is under way. */
  get waiting(): number {
    return this.pending - Math.min(this.#underWay, this.#options.workers);
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
      if (this.#closed !== undefined)
        return reject(new ServingError('UNAVAILABLE', 'the server is shutting down'));
      const { stuck } = this;
      if (stuck !== undefined) return reject(new ServingError('UNAVAILABLE', stuck));
      const job = new RunJob(run, 'nothing', false, { resolve, reject });
      const worker = this.#queue.production === 0 ? this.#pool.leastLoaded(this.#depth.runs) : undefined;
      if (worker !== undefined) {
        this.#start(worker, job);
        return this.#noticeWaiting();
      }
      const refusal = this.#fullness();
      if (refusal !== undefined) return reject(this.#refused(refusal));
      this.#queue.offer(job);
      this.#noticeWaiting();
    });
  }

  checkRoom(): void {
    const refusal = this.#lateness() ?? (this.#queue.production === 0 ? undefined : this.#fullness());
    if (refusal !== undefined) throw this.#refused(refusal);
  }

  /** Runs that are late, in the queue or in mailboxes: those beyond the first two of each worker. */
  get #late(): number {
    return Math.max(0, this.pending - MIN_DEPTH * this.#options.workers);
  }

  #noticeWaiting(): void {
    if (this.#late > 0) this.#admission.waits(performance.now());
  }

  #fullness(): ServingError | undefined {
    const handedOver = (this.#depth.runs - MIN_DEPTH) * this.#options.workers;
    return this.#admission.refusal(this.#late, performance.now(), handedOver);
  }

  #lateness(): ServingError | undefined {
    const now = performance.now();
    if (!this.#admission.isRefusing(now)) return undefined;
    return this.#admission.lateness(this.#turn.lasted(now), now);
  }

  /** Also settles finished runs: a turn that refuses hundreds of requests would leave their answers waiting and workers idle. */
  #refused(refusal: ServingError): ServingError {
    this.#pool.settleEnded();
    return refusal;
  }

  prepare(threshold: number): void {
    this.#pool.prepare(threshold);
  }

  adopt(model: Uint8Array): Promise<boolean> {
    return this.#pool.adopt(model);
  }

  shadow(run: ShadowRun): Promise<ShadowResult | 'dropped'> {
    return new Promise((resolve, reject) => {
      const dropOrReject = (error: unknown) => {
        const isGone = error instanceof ServingError && error.code === 'UNAVAILABLE';
        return isGone || this.#closed !== undefined ? resolve('dropped') : reject(error);
      };
      const job = new RunJob(run, run.measure, true, { resolve, reject: dropOrReject });
      if (this.#closed !== undefined || !this.#queue.offer(job)) return resolve('dropped');
      this.#dispatch();
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#finish();
    return this.#closed;
  }

  async #finish(): Promise<void> {
    this.#pool.startClosing();
    for (const job of this.#queue.drainShadow()) job.cancel();
    if (this.pending > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    await this.#pool.stop();
  }

  #ran({ idleMs, inferMs }: RunDone, waitedMs: number): void {
    this.#productionMs += inferMs;
    this.#depth.ran({ idleMs, waitedMs, inferMs });
  }

  readonly #noticeIdle = (): void => {
    if (this.pending === 0) this.#onIdle?.();
  };

  #dispatch(): void {
    for (;;) {
      const worker = this.#pool.leastLoaded(this.#depth.runs);
      if (worker === undefined) return;
      const job = this.#queue.takeProduction() ?? (worker.load === 0 ? this.#queue.takeShadow() : undefined);
      if (job === undefined) return;
      this.#start(worker, job);
    }
  }

  #start(worker: WorkerThread, job: RunJob): void {
    job.start();
    const startedAt = performance.now();
    const { inputs, transfer } = transferOf(job.run);
    const message: RunMessage = {
      kind: 'run',
      id: this.#nextId++,
      inputs,
      outputs: job.run.outputs,
      measure: job.measure,
      isShadow: job.isShadow,
      ...(job.run.thresholds === undefined ? {} : { thresholds: job.run.thresholds }),
    };
    this.#underWay += job.isShadow ? 0 : 1;
    const goOn = () => {
      this.#underWay -= job.isShadow ? 0 : 1;
      if (!job.isShadow) this.#admission.departed(this.#late, performance.now());
      this.#dispatch();
      this.#noticeIdle();
    };
    worker.run(message, transfer).then(
      (done) => {
        // A shadow run occupies its worker from its start to its end, messages included.
        const workerMs = performance.now() - startedAt;
        if (job.isShadow) this.#shadowMs += workerMs;
        else this.#ran(done, job.waitedMs);
        job.settle(done, workerMs);
        goOn();
      },
      (error: ServingError) => {
        job.reject(error);
        goOn();
      },
    );
  }
}
