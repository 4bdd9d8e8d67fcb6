import { messageOf } from '../../config/errors.ts';
import type { UpstreamModel, UpstreamNames } from '../../runtime/upstream/upstream-model.ts';
import type { FoundModel, Layout } from '../repository/layout.ts';
import type { ModelSource } from '../repository/source.ts';

/** Pauses between two attempts to reach the server: the first, and the longest. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 8000;
/** Of a model that the server has not described yet. */
const UNREAD = 'unread';

interface Known {
  readonly version: string;
  readonly fingerprint: string;
}

/**
 * The configured models of an upstream server. One that is described otherwise than before is another one. While the server
 * cannot be asked, all stay as they are.
 */
export class UpstreamSource implements ModelSource {
  readonly #models: readonly UpstreamNames[];
  readonly #read: (model: UpstreamNames) => Promise<UpstreamModel>;
  readonly #known = new Map<string, Known>();
  #pauseMs = FIRST_PAUSE_MS;
  #askAgainAt = 0;
  /** As the last attempt found, which holds until the next one. */
  #unreadable: ReadonlyMap<string, string> = new Map();

  constructor(models: readonly UpstreamNames[], read: (model: UpstreamNames) => Promise<UpstreamModel>) {
    this.#models = models;
    this.#read = read;
  }

  async scan(): Promise<Layout> {
    if (performance.now() >= this.#askAgainAt) {
      const unreadable = new Map<string, string>();
      let hasFailed = false;
      await Promise.all(
        this.#models.map(async (model) => {
          try {
            const { metadata, hash } = await this.#read(model);
            this.#known.set(model.name, { version: versionOf(metadata.versions), fingerprint: hash });
          } catch (error) {
            hasFailed = true;
            if (this.#known.has(model.name)) unreadable.set(model.name, messageOf(error));
          }
        }),
      );
      this.#unreadable = unreadable;
      if (!hasFailed) this.#pauseMs = FIRST_PAUSE_MS;
      else {
        this.#askAgainAt = performance.now() + this.#pauseMs;
        this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
      }
    }
    const models = this.#models.map(({ name }): FoundModel => {
      const { version, fingerprint } = this.#known.get(name) ?? { version: '1', fingerprint: UNREAD };
      return { name, versions: [{ version, path: '', fingerprint }], hasTritonConfig: false };
    });
    return { models, refusals: [], unreadable: this.#unreadable };
  }
}

/** The newest version, as a number; servers need not have any. */
function versionOf(versions: readonly string[]): string {
  const numbers = versions.filter((version) => /^\d{1,18}$/.test(version)).map(BigInt);
  return String(numbers.toSorted((a, b) => (a < b ? -1 : 1)).at(-1) ?? 1n);
}
