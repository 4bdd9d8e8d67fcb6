import type { RunJob } from './run-job.ts';

/**
 * A queue with two classes: production first, shadow only when no production waits. Shadow jobs with `goesFirst` go before
 * other shadow jobs. A job that is taken out must be started or rejected at once, which ends its wait.
 */
export class JobQueue {
  readonly #production: RunJob[] = [];
  readonly #shadow: RunJob[] = [];
  readonly #maxShadow: number;
  readonly #onLeft: () => void;

  /**
   * @param maxShadow - most shadow jobs that may wait. Production is bounded by the caller.
   * @param onLeft - called for every job whose client left while it waited.
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

  /** @returns false for a shadow job that finds no room. */
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
