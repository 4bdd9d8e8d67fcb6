import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Choice, isChoice } from './choice.ts';
import { createFile } from './file-writing.ts';
import type { KeptChoice } from './store.ts';

/** Others that choose at the same moment; more than a few means that the file system lies. */
const MAX_ATTEMPTS = 100;

/**
 * The choices made for one key, each in a file of its own with the next number, of which the highest counts.
 *
 * A file is made only where none is, so that servers that share a folder cannot overwrite each other's choices, without a
 * lock that somebody would have to break after a kill. A file that was cut off, by a kill or a full disk, was never
 * acknowledged and counts for nothing.
 */
export class ChoiceFiles {
  readonly #folder: string;
  readonly #prefix: string;

  constructor(folder: string, key: string) {
    this.#folder = folder;
    this.#prefix = `${key}.mode-`;
  }

  /** The choice that counts. @throws where the folder is there and cannot be read. */
  async load(): Promise<KeptChoice | null> {
    for (const sequence of await this.#sequences()) {
      const choice = await this.#read(sequence);
      if (choice !== null) return { sequence, choice };
    }
    return null;
  }

  /**
   * @param onlyAfter - the number of the choice that this one amends: nothing is kept once another has been made.
   * @returns its number, or null where it came too late. @throws where it cannot be kept.
   */
  async save(choice: Choice, onlyAfter?: number): Promise<number | null> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const before = await this.#sequences();
      const newest = before[0] ?? 0;
      if (onlyAfter !== undefined && newest !== onlyAfter) return null;
      const isMade = await createFile(this.#path(newest + 1), JSON.stringify(choice));
      if (!isMade) continue;
      await Promise.all(before.map((old) => rm(this.#path(old), { force: true }).catch(() => undefined)));
      return newest + 1;
    }
    throw new Error(`${this.#path(0)}: too many others choose at the same time`);
  }

  async #read(sequence: number): Promise<Choice | null> {
    try {
      const found: unknown = JSON.parse(await readFile(this.#path(sequence), 'utf8'));
      return isChoice(found) ? found : null;
    } catch {
      return null;
    }
  }

  /** The numbers that are there, highest first. */
  async #sequences(): Promise<number[]> {
    const names = await readdir(this.#folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    return names
      .filter((name) => name.startsWith(this.#prefix) && name.endsWith('.json'))
      .map((name) => Number(name.slice(this.#prefix.length, -'.json'.length)))
      .filter(Number.isSafeInteger)
      .sort((a, b) => b - a);
  }

  #path(sequence: number): string {
    return join(this.#folder, `${this.#prefix}${sequence}.json`);
  }
}
