import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Choice } from '../choice.ts';
import { isRemembered, type KeptChoice, type Remembered, type StateStore } from '../store.ts';
import { ChoiceFiles } from './choice-files.ts';
import { stemOf, withKey, withoutKey } from './file-names.ts';
import { replaceFile } from './file-writing.ts';
import { inTurn } from './turns.ts';

/**
 * Files in a folder, which other servers may use too. A record is written beside the old one and takes its place by
 * renaming, so that whatever happens there is a whole one. All stores of a folder take turns: see `inTurn`.
 *
 * @param report - hears of what could not be written or read; the server goes on without.
 */
export class FileStore implements StateStore {
  readonly #folder: string;
  readonly #report: (error: unknown) => void;
  readonly #waiting = new Map<string, Remembered>();
  #isWriting = false;
  #written: Promise<void> = Promise.resolve();

  constructor(folder: string, report: (error: unknown) => void) {
    this.#folder = folder;
    this.#report = report;
  }

  async load(key: string): Promise<Remembered | null> {
    let text: string;
    try {
      text = await inTurn(this.#folder, () => readFile(this.#path(key), 'utf8'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#report(error);
      return null;
    }
    try {
      const record = withoutKey(JSON.parse(text), stemOf(key, 'evidence'), key);
      if (isRemembered(record)) return record;
      throw new Error(`${this.#path(key)}: not a record of this version`);
    } catch (error) {
      this.#report(error);
      return null;
    }
  }

  save(key: string, record: Remembered): void {
    this.#waiting.set(key, record);
    if (!this.#isWriting) this.#written = this.#writeAll();
  }

  async flush(): Promise<void> {
    await this.#written;
  }

  loadChoice(key: string): Promise<KeptChoice | null> {
    return inTurn(this.#folder, () => new ChoiceFiles(this.#folder, key).load());
  }

  saveChoice(key: string, choice: Choice, onlyAfter?: bigint): Promise<bigint | null> {
    return inTurn(this.#folder, () => new ChoiceFiles(this.#folder, key).save(choice, onlyAfter));
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined) {
        this.#isWriting = false;
        return;
      }
      const [key, record] = next;
      this.#waiting.delete(key);
      try {
        const content = withKey(record, stemOf(key, 'evidence'), key);
        await inTurn(this.#folder, () => replaceFile(this.#path(key), JSON.stringify(content)));
      } catch (error) {
        this.#report(error);
      }
    }
  }

  #path(key: string): string {
    return join(this.#folder, `${stemOf(key, 'evidence')}.json`);
  }
}
