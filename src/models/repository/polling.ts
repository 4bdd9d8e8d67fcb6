import type { Logger } from 'pino';
import { concatMap, from, type Subscription, timer } from 'rxjs';
import { messageOf, ServingError } from '../../config/errors.ts';
import { type FoundModel, filesOf } from './layout.ts';
import type { ModelRegistry } from './registry.ts';

const GONE = 'gone';

/**
 * Follows the files of a repository: what is new or changed is loaded, what is gone is unloaded.
 *
 * A copy takes time, so a change counts once two looks in a row found the same files. What was unloaded by hand stays so,
 * and files that could not be loaded are tried again only when they have changed.
 */
export class RepositoryPolling {
  readonly #registry: ModelRegistry;
  readonly #log: Logger;
  /** What the last look found, of each model. */
  #before: ReadonlyMap<string, string> = new Map();
  #subscription: Subscription | undefined;

  constructor(registry: ModelRegistry, log: Logger) {
    this.#registry = registry;
    this.#log = log;
  }

  /** Looks every so often; one look at a time. */
  start(everyMs: number): void {
    this.#subscription = timer(everyMs, everyMs)
      .pipe(concatMap(() => from(this.look())))
      .subscribe();
  }

  stop(): void {
    this.#subscription?.unsubscribe();
  }

  async look(): Promise<void> {
    try {
      const { models, unreadable } = await this.#registry.scan();
      const found = new Map(models.map((model) => [model.name, model]));
      const names = [...found.keys(), ...this.#registry.entries.keys()].filter(
        (name) => !unreadable.has(name),
      );
      const now = new Map(names.map((name) => [name, found.has(name) ? filesOf(found.get(name)!) : GONE]));
      const settled = [...now.keys()].filter((name) => now.get(name) === this.#before.get(name));
      this.#before = now;
      await Promise.all(settled.map((name) => this.#follow(name, found.get(name))));
    } catch (error) {
      // What cannot be read was told by the registry.
      if (!(error instanceof ServingError))
        this.#log.warn({ error: messageOf(error) }, 'the model repository was not followed');
    }
  }

  async #follow(name: string, found: FoundModel | undefined): Promise<void> {
    const entry = this.#registry.entries.get(name);
    if (found === undefined) return this.#registry.remove(name);
    if (entry !== undefined && (!entry.isWanted || entry.lookedAt === filesOf(found))) return;
    await this.#registry.update(found);
  }
}
