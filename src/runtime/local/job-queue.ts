/**
 * A bounded queue in two classes: production first, shadow only when no production waits.
 * A job that is aborted while it waits leaves the queue and is never started.
 */
export interface Job {
  readonly isShadow: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly abort: () => void;
}

interface Waiting<J> {
  readonly job: J;
  /** A signal may outlive the job by far, so nothing of it may stay there. */
  readonly unlisten: () => void;
}

export class JobQueue<J extends Job> {
  readonly #production: Waiting<J>[] = [];
  readonly #shadow: Waiting<J>[] = [];
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

  /** @returns false when the class of the job is full. A job that is aborted already is told so at once. */
  offer(job: J): boolean {
    const { signal } = job;
    if (signal?.aborted) {
      job.abort();
      return true;
    }
    const lane = job.isShadow ? this.#shadow : this.#production;
    if (lane.length >= (job.isShadow ? this.#limits.shadow : this.#limits.production)) return false;
    const leave = () => {
      lane.splice(lane.indexOf(waiting), 1);
      job.abort();
    };
    const waiting: Waiting<J> = { job, unlisten: () => signal?.removeEventListener('abort', leave) };
    signal?.addEventListener('abort', leave, { once: true });
    lane.push(waiting);
    return true;
  }

  takeProduction(): J | undefined {
    return taken(this.#production.shift());
  }

  takeShadow(): J | undefined {
    return this.#production.length > 0 ? undefined : taken(this.#shadow.shift());
  }

  /** Empties the production class. */
  drainProduction(): J[] {
    return this.#production.splice(0).map((waiting) => taken(waiting)!);
  }

  /** Empties the shadow class. */
  drainShadow(): J[] {
    return this.#shadow.splice(0).map((waiting) => taken(waiting)!);
  }
}

function taken<J>(waiting: Waiting<J> | undefined): J | undefined {
  waiting?.unlisten();
  return waiting?.job;
}
