import type { Config } from '../config/schema.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Clock } from './clock.ts';
import { IdleShare } from './idle-share.ts';

export interface SearchStanding {
  readonly isAtRest: boolean;
  readonly isWorthIt: boolean;
  readonly isDense: boolean;
}

export interface SearchBudgetOptions {
  readonly sampling: Pick<Config['sampling'], 'searchBudget' | 'budget'>;
  readonly runtime: Pick<Runtime, 'busy'>;
  readonly clock: Clock;
  /** Whether sampling would pay for a run now: what is spent at rest, and where no time is idle. */
  readonly samplingPays: () => boolean;
  /** Whether half of what comes in for samples is being saved for surprises. */
  readonly isSaving: () => boolean;
}

/**
 * What pays for a run: idle time, or a part of the sampling budget. Half of it while production is dense and something is to be
 * found out; else a quarter, since samples of the traffic are what notices a drift, and soon. A quarter, too, while half of it is being
 * saved for surprises: else nothing would be left for samples of the traffic as it is now.
 */
export type Payer = 'idle' | 'half' | 'quarter';

/** Share of the idle time of the thread that serves, which runs cost something too. */
const SERVING_SHARE = 0.05;
/** What a run costs that thread beside comparing its answer, in milliseconds. */
const SERVING_MS = 0.05;

/**
 * The time that a search for a threshold may take. While something is to be found out that is a share of the time in which a
 * worker waits for work, a processor is free and the thread that serves is not busy either; else a part of what sampling may take.
 */
export class SearchBudget {
  /** Worker time that was spent on the search beside the sampling budget, ever growing. */
  searchMs = 0;
  readonly #options: SearchBudgetOptions;
  readonly #workers: IdleShare;
  readonly #processors: IdleShare;
  readonly #serving = new IdleShare(SERVING_SHARE);
  readonly #parts: Record<Exclude<Payer, 'idle'>, IdleShare>;

  constructor(options: SearchBudgetOptions) {
    const { searchBudget, budget } = options.sampling;
    this.#options = options;
    this.#workers = new IdleShare(searchBudget);
    this.#processors = new IdleShare(searchBudget);
    this.#parts = { half: new IdleShare(budget / 2), quarter: new IdleShare(budget / 4) };
  }

  /**
   * What pays for one more run; null: nothing.
   *
   * @param search - whether it is not to take idle time; what it finds would save time; production is dense.
   */
  payer({ isAtRest, isWorthIt, isDense }: SearchStanding): Payer | null {
    if (isWorthIt && !isAtRest && this.isIdle()) return 'idle';
    const { runtime, clock, samplingPays, isSaving } = this.#options;
    const payer = isDense && !isAtRest && !isSaving() ? 'half' : 'quarter';
    const pays = this.#parts[payer].pays(clock.monotonicMs(), 0, runtime.busy.workers);
    return pays && samplingPays() ? payer : null;
  }

  /** Whether idle time pays for one more run of the search. */
  isIdle(): boolean {
    const { runtime, clock } = this.#options;
    const { productionMs, shadowMs, workers } = runtime.busy;
    const now = clock.monotonicMs();
    const isWorkerIdle = this.#workers.pays(now, productionMs + shadowMs - this.searchMs, workers);
    const servingMs = now - (clock.waitedMs?.() ?? now);
    const isServingIdle = this.#serving.pays(now, servingMs, 1);
    return this.#isProcessorIdle() && isWorkerIdle && isServingIdle;
  }

  /** A run took so long: of a worker, and of the thread that serves for its comparison. What sampling pays for is counted there too. */
  spend(payer: Payer, workerMs: number, comparingMs = 0): void {
    if (payer !== 'idle') {
      this.#parts[payer].spend(workerMs);
      return;
    }
    this.searchMs += workerMs;
    this.#workers.spend(workerMs);
    this.#processors.spend(workerMs);
    this.#serving.spend(SERVING_MS + comparingMs);
  }

  /** A processor that is busy with the search alone would else be free. */
  #isProcessorIdle(): boolean {
    const time = this.#options.clock.processors?.();
    if (time === undefined) return true;
    const { atMs, idleMs, processors } = time;
    return this.#processors.pays(atMs, processors * atMs - idleMs - this.searchMs, processors);
  }
}
