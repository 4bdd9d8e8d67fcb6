import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { isRemembered, type Remembered, type StateStore } from './store.ts';

/**
 * One file per key in a folder. A record is written beside the old one and takes its place by renaming, so that whatever
 * happens there is a whole one.
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
      text = await readFile(this.#path(key), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#report(error);
      return null;
    }
    try {
      const record: unknown = JSON.parse(text);
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
        await this.#write(key, JSON.stringify(record));
      } catch (error) {
        this.#report(error);
      }
    }
  }

  async #write(key: string, text: string): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const beside = `${this.#path(key)}.${process.pid}.tmp`;
    const file = await open(beside, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, this.#path(key));
  }

  #path(key: string): string {
    return join(this.#folder, `${key}.json`);
  }
}
