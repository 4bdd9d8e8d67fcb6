import { ServingError } from '../../config/errors.ts';
import type { SiteOptions } from '../../onnx/sites.ts';
import type { WorkerSetup } from './messages.ts';
import { WorkerThread } from './worker-thread.ts';

export interface WorkerPoolOptions {
  readonly workers: number;
  /** How the model's sites are found; if given, thresholds that stay become constants of the model. */
  readonly sites?: SiteOptions | undefined;
  /** Called for every worker that died and is replaced. */
  readonly onWorkerLost?: (error: ServingError) => void;
  /** Longest time of a run; a longer one is stopped, or abandoned with its worker. Absent: no limit. */
  readonly maxRunSeconds?: number | undefined;
  /** Called for every run that took longer. */
  readonly onRunOverdue?: (error: ServingError) => void;
}

/** The runtime that the workers belong to. */
export interface PoolOwner {
  /** Whether accepted runs wait for a worker. */
  readonly isWaiting: boolean;
  /** A worker has opened the model and takes runs. */
  readonly onWorker: () => void;
  /** Rejects the waiting runs: there will be no worker for them. */
  readonly giveUp: (error: ServingError) => void;
}

const RESPAWN_DELAY_MS = 200;
/** Overdue runs are looked for this many times within the limit, and at least once a second. */
const CHECKS_PER_LIMIT = 4;
const CHECK_MS = 1000;

/**
 * The workers of one model. One that dies is replaced; all are replaced for a new constant threshold or a rewritten model.
 *
 * A run that does not end is stopped. If that does not help, its worker is abandoned and replaced, as long as no more
 * workers are abandoned than there should be: each occupies a core and holds the model.
 */
export class WorkerPool {
  #setup: WorkerSetup;
  readonly #options: WorkerPoolOptions;
  readonly #owner: PoolOwner;
  #workers: WorkerThread[] = [];
  /** Replaced workers that finish their runs. */
  readonly #leaving = new Set<WorkerThread>();
  readonly #abandoned = new Set<WorkerThread>();
  readonly #watch: NodeJS.Timeout | undefined;
  #isClosing = false;
  #isRolling = false;
  #rolled: Promise<void> = Promise.resolve();

  constructor(setup: WorkerSetup, options: WorkerPoolOptions, owner: PoolOwner) {
    this.#setup = setup;
    this.#options = options;
    this.#owner = owner;
    for (let i = 0; i < options.workers; i++) this.#spawn();
    if (options.maxRunSeconds !== undefined) this.#watch = this.#watchRuns(1000 * options.maxRunSeconds);
  }

  /** Resolves when all first workers have opened the model. @throws ServingError MODEL_INVALID, WORKER_LOST */
  async opened(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.ready));
  }

  get isReady(): boolean {
    return !this.#isClosing && this.#workers.some((worker) => worker.isReady);
  }

  /** Why there is no worker until a hanging run ends; undefined if there is one or will be. */
  get stuck(): string | undefined {
    if (this.#workers.length > 0 || this.#abandoned.size <= this.#options.workers) return undefined;
    return `${this.#abandoned.size} runs have not ended within ${this.#options.maxRunSeconds} s, and hold every worker that there may be`;
  }

  /** The worker with the fewest runs, if any has fewer than `depth`. */
  leastLoaded(depth: number): WorkerThread | undefined {
    let best: WorkerThread | undefined;
    for (const worker of this.#workers) {
      if (worker.isReady && worker.load < depth && (best === undefined || worker.load < best.load))
        best = worker;
    }
    return best;
  }

  /** See `WorkerThread.settleEnded`. */
  settleEnded(): void {
    for (const worker of this.#workers) worker.settleEnded();
  }

  /** Replaces the workers in the background by ones with this threshold as a constant; the live gates answer meanwhile. */
  prepare(threshold: number): void {
    const { sites } = this.#options;
    if (sites === undefined || this.#setup.gated === undefined || threshold === 0) return;
    if (this.#setup.baked?.threshold === threshold) return;
    this.#setup = { ...this.#setup, baked: { threshold, sites } };
    if (!this.#isRolling) this.#rolled = this.#roll();
  }

  /**
   * Replaces the workers in the background by ones with the rewritten model, which skip the zeros of pruned runs.
   *
   * @returns resolves, once the old workers are replaced, to whether every worker has the model.
   */
  async adopt(sparse: Uint8Array): Promise<boolean> {
    this.#setup = { ...this.#setup, sparse };
    if (!this.#isRolling) this.#rolled = this.#roll();
    await this.#rolled;
    return this.#setup.sparse === sparse && !this.#isClosing;
  }

  /** From now on workers are replaced only for runs that wait already. */
  startClosing(): void {
    this.#isClosing = true;
  }

  async stop(): Promise<void> {
    this.#isClosing = true;
    await Promise.all(this.#workers.map((worker) => worker.stop()));
    await this.#rolled;
    clearInterval(this.#watch);
  }

  #watchRuns(limitMs: number): NodeJS.Timeout {
    return setInterval(
      () => {
        for (const worker of [...this.#workers, ...this.#leaving])
          if (worker.isOverdue(limitMs)) this.#end(worker);
      },
      Math.min(CHECK_MS, limitMs / CHECKS_PER_LIMIT),
    ).unref();
  }

  /** Stops the run under way; if it still runs at the next check, abandons the worker. */
  #end(worker: WorkerThread): void {
    const took = `longer than ${this.#options.maxRunSeconds} s (runtime.maxRunSeconds)`;
    const overdue = new ServingError('DEADLINE_EXCEEDED', `the run took ${took}`);
    const lost = new ServingError('WORKER_LOST', `the run waited behind one that took ${took}`);
    if (worker.stopRun(overdue, lost)) this.#options.onRunOverdue?.(overdue);
    else this.#abandon(worker, overdue, lost);
  }

  #abandon(worker: WorkerThread, overdue: ServingError, lost: ServingError): void {
    this.#workers = this.#workers.filter((one) => one !== worker);
    this.#leaving.delete(worker);
    this.#abandoned.add(worker);
    if (!worker.isStopping) this.#options.onRunOverdue?.(overdue);
    worker.abandon(overdue, lost);
    this.#refill();
    const { stuck } = this;
    if (stuck !== undefined) this.#owner.giveUp(new ServingError('UNAVAILABLE', stuck));
  }

  /** Replaces abandoned workers, as far as the bound allows. */
  #refill(): void {
    const { workers } = this.#options;
    if (this.#isNeeded && this.#workers.length < workers && this.#abandoned.size <= workers) this.#spawn();
  }

  #spawn(): void {
    const worker = new WorkerThread(this.#setup, (lost) => this.#replace(lost));
    this.#workers.push(worker);
    worker.ready.then(this.#owner.onWorker, () => undefined);
  }

  get #isNeeded(): boolean {
    return !this.#isClosing || this.#owner.isWaiting;
  }

  #replace(lost: WorkerThread): void {
    this.#leaving.delete(lost);
    if (this.#abandoned.delete(lost)) {
      this.#refill();
      return;
    }
    const isServing = this.#workers.includes(lost);
    this.#workers = this.#workers.filter((worker) => worker !== lost);
    if (!isServing || !this.#isNeeded) return;
    const error = new ServingError('WORKER_LOST', 'an inference worker died and is replaced');
    this.#options.onWorkerLost?.(error);
    const isHopeless = this.#isClosing && !lost.hasOpened && this.#workers.length === 0;
    if (isHopeless) {
      this.#owner.giveUp(error);
      return;
    }
    setTimeout(() => {
      if (this.#isNeeded) this.#spawn();
    }, RESPAWN_DELAY_MS);
  }

  /** Replaces the workers one after the other by ones with the present setup, each once its successor is ready. */
  async #roll(): Promise<void> {
    this.#isRolling = true;
    for (;;) {
      const setup = this.#setup;
      const old = this.#workers.find((worker) => worker.isReady && worker.setup !== setup);
      if (old === undefined || this.#isClosing) break;
      const fresh = new WorkerThread(setup, (lost) => this.#replace(lost));
      const isOpen = await fresh.ready.then(
        () => true,
        () => false,
      );
      if (!isOpen) {
        if (this.#setup !== setup) continue;
        // The live gates go on answering, in later workers too.
        this.#setup = withoutExtras(setup);
        break;
      }
      if (this.#isClosing || !this.#workers.includes(old)) {
        await fresh.stop();
        continue;
      }
      this.#workers = [...this.#workers.filter((worker) => worker !== old), fresh];
      this.#leaving.add(old);
      void old.stop();
      this.#owner.onWorker();
    }
    this.#isRolling = false;
  }
}

function withoutExtras({ baked: _, sparse: __, ...setup }: WorkerSetup): WorkerSetup {
  return setup;
}
