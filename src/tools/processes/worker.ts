import cluster from 'node:cluster';
import { ServingError } from '../../config/errors.ts';
import type { Siblings } from '../../models/siblings.ts';
import { Asking } from '../../store/shared/asking.ts';
import { LinkedStore } from '../../store/shared/linked-store.ts';
import type { UnopenedTaustat } from '../../taustat.ts';
import type { MetricsOfProcess } from '../../telemetry/metrics.ts';

/** A variable that a process of several has, and no other process that runs in a cluster. */
export const MARK = '_TAUSTAT_PROCESS';
/** Values of that variable: whether other processes serve when it starts. */
export const FIRST = 'first';
export const OTHERS_SERVE = 'others serve';

/** Where a process serves, and what. */
export interface Served {
  readonly url: string;
  readonly grpc: string | undefined;
  readonly model: string;
  readonly models: readonly string[];
  readonly modes: Readonly<Record<string, string>>;
  /** False: its only models are still to be opened. */
  readonly isServing: boolean;
}

/** What the log says of a server that listens. */
export function servingWords(isServing: boolean): string {
  return isServing ? 'serving' : 'listening, not ready: no model is open yet';
}

/** One of several processes of a server, towards the one that has started it. */
export class ProcessOfSeveral {
  readonly siblings: Siblings;
  /** Others answer already: this one need not listen before it can. */
  readonly othersServe = process.env[MARK] === OTHERS_SERVE;
  /** Resolves when it is to stop. */
  readonly drained: Promise<void>;
  readonly #asking: Asking;

  /** @returns undefined in a process that is by itself. */
  static join(): ProcessOfSeveral | undefined {
    return process.env[MARK] === undefined || cluster.worker === undefined
      ? undefined
      : new ProcessOfSeveral();
  }

  private constructor() {
    const asking = new Asking({
      send: (message) => void process.send?.(message, undefined, undefined, () => undefined),
      onMessage: (listener) => process.on('message', listener),
    });
    this.#asking = asking;
    // Until it listens, nothing else keeps the process.
    process.channel?.ref();
    this.siblings = {
      store: new LinkedStore(asking),
      metrics: async () => (await asking.ask('metrics')) as readonly MetricsOfProcess[],
      change: async (what, model) => void (await asking.ask('change', what, model)),
    };
    this.drained = new Promise((resolve) => asking.hear('drain', () => resolve()));
  }

  /** What the others may ask of this one. */
  offer({ repository, collect }: UnopenedTaustat['here']): void {
    this.#asking.answer('collect', collect);
    this.#asking.answer('change here', (what: string, model: string) => {
      if (what === 'load') return repository.load(model);
      if (what === 'unload') return repository.unload(model);
      throw new ServingError('INVALID_REQUEST', `'${what}' is no change of a repository`);
    });
  }

  serves(served: Served): void {
    this.#asking.tell('serving', served);
  }

  /** Nothing is to come any more: the process may end. */
  leave(): void {
    cluster.worker?.disconnect();
  }
}
