import type { Logger } from 'pino';
import type { Config } from '../config/schema.ts';
import { RedisStore } from '../store/shared/redis-store.ts';
import type { SharedStore } from '../store/shared/shared-store.ts';

/** Opens what replicas share; undefined: the server is by itself. @throws ServingError CONFIG_INVALID */
export type SharedStoreOpener = () => Promise<SharedStore | undefined>;

/** Time between two lines of the log about the same problem. */
const WARN_EVERY_MS = 60_000;

/**
 * The store that the settings name, which connects in the background while models are served.
 *
 * @param otherwise - where they name none.
 */
export function sharedStoreOf(
  { store: { url } }: Config,
  log: Logger,
  otherwise?: SharedStore,
): SharedStoreOpener {
  return async () => {
    if (url === undefined) return otherwise;
    const warned = new Map<string, number>();
    const onProblem = (problem: string) => {
      const at = warned.get(problem) ?? Number.NEGATIVE_INFINITY;
      if (performance.now() - at < WARN_EVERY_MS) return;
      warned.set(problem, performance.now());
      log.warn({ problem }, 'the shared store cannot be reached, and is tried again; serving goes on');
    };
    return RedisStore.open({ url, onProblem });
  };
}
