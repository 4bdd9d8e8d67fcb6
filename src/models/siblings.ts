import type { RepositoryPlane } from '../plane/repository.ts';
import type { SharedStore } from '../store/shared/shared-store.ts';
import type { MetricsOfProcess } from '../telemetry/metrics.ts';

/** The other processes of a server that has several: what one of them is asked is answered for all. */
export interface Siblings {
  /** In the process that started them. */
  readonly store: SharedStore;
  /** Of all processes, this one included, and of those that have ended. */
  metrics(): Promise<readonly MetricsOfProcess[]>;
  /** Loads or unloads a model in all of them. @throws ServingError of the first that could not. */
  change(what: 'load' | 'unload', model: string): Promise<void>;
}

/** A repository whose changes reach every process; what is there is told by this one. */
export function everywhere(here: RepositoryPlane, siblings: Siblings): RepositoryPlane {
  return {
    index: () => here.index(),
    load: (model) => siblings.change('load', model),
    unload: (model) => siblings.change('unload', model),
  };
}
