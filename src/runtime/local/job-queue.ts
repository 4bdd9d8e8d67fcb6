import type { RunJob } from './run-job.ts';

/**
 * A queue in two classes: production first, shadow only when no production waits. Some shadow jobs
 * go before others: what was begun and then dropped would have cost its time for nothing. What is taken out must be started or
 * rejected at once, which ends its wait.
 */
export class JobQueue {
  readonly #production: RunJob[] = [];
  readonly #shadow: RunJob[] = [];
  readonly #maxShadow: number;
  readonly #onLeft: () => void;

  /**
   * @param maxShadow - shadow jobs that may wait. How much production waits is decided by who offers it.
   * @param onLeft - told of every job whose client went while it waited.
   */
  constructor(maxShadow: number, onLeft: () => void) {
    this.#maxShadow = maxShadow;
    this.#onLeft = onLeft;
  }

  get production(): number {
    return this.#production.length;
  }

  get shadow(): number {
    return this.#shadow.length;
  }

  /** @returns false when the job is one shadow job too many. */
  offer(job: RunJob): boolean {
    const jobs = job.isShadow ? this.#shadow : this.#production;
    if (job.isShadow && !job.goesFirst && jobs.length >= this.#maxShadow) return false;
    const isWaiting = job.wait(() => {
      jobs.splice(jobs.indexOf(job), 1);
      this.#onLeft();
    });
    if (!isWaiting) return true;
    if (job.goesFirst) jobs.unshift(job);
    else jobs.push(job);
    return true;
  }

  takeProduction(): RunJob | undefined {
    return this.#production.shift();
  }

  takeShadow(): RunJob | undefined {
    return this.#production.length > 0 ? undefined : this.#shadow.shift();
  }

  /** Empties the production class. */
  drainProduction(): RunJob[] {
    return this.#production.splice(0);
  }

  /** Empties the shadow class. */
  drainShadow(): RunJob[] {
    return this.#shadow.splice(0);
  }
}
