import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Choice } from '../choice.ts';
import { isStateRecord, type KeptChoice, type StateRecord, type StateStore } from '../store.ts';
import { ChoiceFiles } from './choice-files.ts';
import { stemOf, withKey, withoutKey } from './file-names.ts';
import { replaceFile } from './file-writing.ts';
import { runInSeries } from './serial-queue.ts';

/**
 * A store in a folder that other servers may share. Records are replaced by renaming, so that there is always a whole one.
 * All stores of a folder access it one after the other: see `runInSeries`.
 *
 * @param report - called with every error of reading or writing; serving goes on.
 */
export class FileStore implements StateStore {
  readonly #folder: string;
  readonly #report: (error: unknown) => void;
  readonly #waiting = new Map<string, StateRecord>();
  #isWriting = false;
  #written: Promise<void> = Promise.resolve();

  constructor(folder: string, report: (error: unknown) => void) {
    this.#folder = folder;
    this.#report = report;
  }

  async load(key: string): Promise<StateRecord | null> {
    let text: string;
    try {
      text = await runInSeries(this.#folder, () => readFile(this.#path(key), 'utf8'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#report(error);
      return null;
    }
    try {
      const record = withoutKey(JSON.parse(text), stemOf(key, 'evidence'), key);
      if (isStateRecord(record)) return record;
      throw new Error(`${this.#path(key)}: not a record of this version`);
    } catch (error) {
      this.#report(error);
      return null;
    }
  }

  save(key: string, record: StateRecord): void {
    this.#waiting.set(key, record);
    if (!this.#isWriting) this.#written = this.#writeAll();
  }

  async flush(): Promise<void> {
    await this.#written;
  }

  loadChoice(key: string): Promise<KeptChoice | null> {
    return runInSeries(this.#folder, () => new ChoiceFiles(this.#folder, key).load());
  }

  saveChoice(key: string, choice: Choice, onlyAfter?: bigint): Promise<bigint | null> {
    return runInSeries(this.#folder, () => new ChoiceFiles(this.#folder, key).save(choice, onlyAfter));
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
        await runInSeries(this.#folder, () => replaceFile(this.#path(key), JSON.stringify(content)));
      } catch (error) {
        this.#report(error);
      }
    }
  }

  #path(key: string): string {
    return join(this.#folder, `${stemOf(key, 'evidence')}.json`);
  }
}
