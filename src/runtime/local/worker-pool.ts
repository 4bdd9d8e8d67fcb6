import { ServingError } from '../../config/errors.ts';
import type { SiteOptions } from '../../onnx/sites.ts';
import type { WorkerSetup } from './messages.ts';
import { WorkerThread } from './worker-thread.ts';

export interface WorkerPoolOptions {
  readonly workers: number;
  /** How the model's sites are found; with it, thresholds that stay are baked in. */
  readonly sites?: SiteOptions | undefined;
  /** Told of every worker that died and is replaced. */
  readonly onWorkerLost?: (error: ServingError) => void;
}

/** Whose runs the workers do. */
export interface PoolOwner {
  /** Whether accepted runs wait for a worker. */
  readonly isWaiting: boolean;
  /** A worker has opened the model and takes runs. */
  readonly onWorker: () => void;
  /** There will be no worker any more for the runs that wait. */
  readonly giveUp: (error: ServingError) => void;
}

const RESPAWN_DELAY_MS = 200;

/** The workers of one model: each that dies gets a successor, and all are renewed when a threshold is to be baked in. */
export class WorkerPool {
  #setup: WorkerSetup;
  readonly #options: WorkerPoolOptions;
  readonly #owner: PoolOwner;
  #workers: WorkerThread[] = [];
  #isClosing = false;
  #isRolling = false;
  #rolled: Promise<void> = Promise.resolve();

  constructor(setup: WorkerSetup, options: WorkerPoolOptions, owner: PoolOwner) {
    this.#setup = setup;
    this.#options = options;
    this.#owner = owner;
    for (let i = 0; i < options.workers; i++) this.#spawn();
  }

  /** Every one of the first workers has opened the model. @throws ServingError MODEL_INVALID, WORKER_LOST */
  async opened(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.ready));
  }

  get isReady(): boolean {
    return !this.#isClosing && this.#workers.some((worker) => worker.isReady);
  }

  /** The worker that is the first to take one more run, if any has fewer than `depth`. */
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

  /** Bakes a threshold into fresh workers in the background; the live gates answer meanwhile. */
  prepare(threshold: number): void {
    const { sites } = this.#options;
    if (sites === undefined || this.#setup.gated === undefined || threshold === 0) return;
    if (this.#setup.baked?.threshold === threshold) return;
    this.#setup = { ...this.#setup, baked: { threshold, sites } };
    if (!this.#isRolling) this.#rolled = this.#roll();
  }

  /** From now on only what waits already gets a worker. */
  startClosing(): void {
    this.#isClosing = true;
  }

  async stop(): Promise<void> {
    this.#isClosing = true;
    await Promise.all(this.#workers.map((worker) => worker.stop()));
    await this.#rolled;
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

  /** Replaces the workers one after the other by such with the present setup, each only once it is ready. */
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
        // The live gates go on answering, also in every worker to come.
        this.#setup = withoutBaked(setup);
        break;
      }
      if (this.#isClosing || !this.#workers.includes(old)) {
        await fresh.stop();
        continue;
      }
      this.#workers = [...this.#workers.filter((worker) => worker !== old), fresh];
      void old.stop();
      this.#owner.onWorker();
    }
    this.#isRolling = false;
  }
}

function withoutBaked({ baked: _, ...setup }: WorkerSetup): WorkerSetup {
  return setup;
}
