/**
 * A bounded queue in two classes: production first, shadow only when no production waits.
 * A job that is aborted while it waits leaves the queue and is never started.
 */
export interface Job {
  readonly isShadow: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly abort: () => void;
}

export class JobQueue<J extends Job> {
  readonly #production: J[] = [];
  readonly #shadow: J[] = [];
  readonly #limits: { readonly production: number; readonly shadow: number };

  constructor(limits: { readonly production: number; readonly shadow: number }) {
    this.#limits = limits;
  }

  get production(): number {
    return this.#production.length;
  }

  get shadow(): number {
    return this.#shadow.length;
  }

  /** @returns false when the class of the job is full. */
  offer(job: J): boolean {
    const lane = job.isShadow ? this.#shadow : this.#production;
    if (lane.length >= (job.isShadow ? this.#limits.shadow : this.#limits.production)) return false;
    lane.push(job);
    job.signal?.addEventListener(
      'abort',
      () => {
        const index = lane.indexOf(job);
        if (index < 0) return;
        lane.splice(index, 1);
        job.abort();
      },
      { once: true },
    );
    return true;
  }

  takeProduction(): J | undefined {
    return this.#production.shift();
  }

  takeShadow(): J | undefined {
    return this.#production.length > 0 ? undefined : this.#shadow.shift();
  }

  /** Empties the shadow class. */
  drainShadow(): J[] {
    return this.#shadow.splice(0);
  }

  drainAll(): J[] {
    return [...this.#production.splice(0), ...this.#shadow.splice(0)];
  }
}
