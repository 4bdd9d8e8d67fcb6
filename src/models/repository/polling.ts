import type { Logger } from 'pino';
import { concatMap, from, type Subscription, timer } from 'rxjs';
import { messageOf, ServingError } from '../../config/errors.ts';
import { type FoundModel, filesFingerprint } from './layout.ts';
import type { ModelRegistry } from './registry.ts';

const GONE = 'gone';

/**
 * Polls the files of a repository: new and changed models are loaded, removed ones are unloaded.
 *
 * Copying takes time, so a change counts once two polls in a row have found the same files. A model unloaded on request
 * stays unloaded, and files that could not be loaded are tried again only when they have changed.
 */
export class RepositoryPolling {
  readonly #registry: ModelRegistry;
  readonly #log: Logger;
  /** Fingerprint of each model's files at the last poll. */
  #previous: ReadonlyMap<string, string> = new Map();
  #subscription: Subscription | undefined;

  constructor(registry: ModelRegistry, log: Logger) {
    this.#registry = registry;
    this.#log = log;
  }

  /** Polls every `everyMs`, one poll at a time. */
  start(everyMs: number): void {
    this.#subscription = timer(everyMs, everyMs)
      .pipe(concatMap(() => from(this.poll())))
      .subscribe();
  }

  stop(): void {
    this.#subscription?.unsubscribe();
  }

  async poll(): Promise<void> {
    try {
      const { models, unreadable } = await this.#registry.scan();
      const found = new Map(models.map((model) => [model.name, model]));
      const names = [...found.keys(), ...this.#registry.entries.keys()].filter(
        (name) => !unreadable.has(name),
      );
      const now = new Map(
        names.map((name) => [name, found.has(name) ? filesFingerprint(found.get(name)!) : GONE]),
      );
      const settled = [...now.keys()].filter((name) => now.get(name) === this.#previous.get(name));
      this.#previous = now;
      await Promise.all(settled.map((name) => this.#follow(name, found.get(name))));
    } catch (error) {
      // The registry has logged what cannot be read.
      if (!(error instanceof ServingError))
        this.#log.warn({ error: messageOf(error) }, 'the model repository was not followed');
    }
  }

  async #follow(name: string, found: FoundModel | undefined): Promise<void> {
    const entry = this.#registry.entries.get(name);
    if (found === undefined) return this.#registry.remove(name);
    if (entry !== undefined && (!entry.isWanted || entry.triedFingerprint === filesFingerprint(found)))
      return;
    await this.#registry.update(found);
  }
}
