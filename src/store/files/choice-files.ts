import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Choice, isChoice } from '../choice.ts';
import type { KeptChoice } from '../store.ts';
import { createFile } from './file-writing.ts';

/** Others that choose at the same moment, for a writer and for a reader; more than a few means that the file system lies. */
const MAX_ATTEMPTS = 100;

/**
 * The choices made for one key, each in a file of its own with the next number, of which the highest counts.
 *
 * A file is made only where none is, so that servers that share a folder cannot overwrite each other's choices, without a
 * lock that somebody would have to break after a kill. A file that was cut off, by a kill or a full disk, was never
 * acknowledged and counts for nothing: that is one that holds no whole JSON. Of any other, what it says must be known.
 */
export class ChoiceFiles {
  readonly #folder: string;
  readonly #prefix: string;

  constructor(folder: string, key: string) {
    this.#folder = folder;
    this.#prefix = `${key}.mode-`;
  }

  /** The choice that counts; null: nobody has made one. @throws where that cannot be told, as of a file that cannot be read. */
  async load(): Promise<KeptChoice | null> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const found = await this.#newestOf(await this.#sequences());
      if (found !== 'replaced') return found;
    }
    throw new Error(`${this.#path(0)}: choices are there and gone when they are read`);
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

  /** The first of them that is whole; another server may have put a newer one in their place meanwhile. */
  async #newestOf(sequences: readonly number[]): Promise<KeptChoice | null | 'replaced'> {
    for (const sequence of sequences) {
      const text = await readFile(this.#path(sequence), 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      if (text === undefined) return 'replaced';
      const choice = this.#parse(sequence, text);
      if (choice !== null) return { sequence, choice };
    }
    return null;
  }

  #parse(sequence: number, text: string): Choice | null {
    let found: unknown;
    try {
      found = JSON.parse(text);
    } catch {
      return null;
    }
    if (isChoice(found)) return found;
    throw new Error(`${this.#path(sequence)}: not a choice that this version understands`);
  }

  /** The numbers that are there, highest first. */
  async #sequences(): Promise<number[]> {
    const names = await readdir(this.#folder).catch((error: NodeJS.ErrnoException) => {
      // Where there is no folder, nothing was ever kept.
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
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
