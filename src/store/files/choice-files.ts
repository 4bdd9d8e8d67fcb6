import { constants } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Choice, isChoice } from '../choice.ts';
import type { KeptChoice } from '../store.ts';
import { stemOf, withKey, withoutKey } from './file-names.ts';
import { createFile } from './file-writing.ts';

/** Attempts while other servers write choices too; so many conflicts mean that the file system is inconsistent. */
const MAX_ATTEMPTS = 100;
/** Longest time that writing a choice takes on a file system without hard links. */
const UNFINISHED_MS = 100;
const ENDING = '.json';
const NUMBER = /^(0|[1-9]\d*)$/;

/** The parts of a choice file's name. */
interface ChoiceFile {
  readonly sequence: bigint;
  readonly stem: string;
  readonly path: string;
}

/**
 * The choices made for one key: one numbered file each; the highest number counts.
 *
 * A file is created only where none exists, whole or not at all. So servers that share a folder cannot overwrite each
 * other's choices, and no lock is left behind by a kill. A file that does not hold a choice was damaged later.
 */
export class ChoiceFiles {
  readonly #folder: string;
  readonly #key: string;
  /** Stem of new files. */
  readonly #stem: string;
  /** Stems that are read: the hashed one, and the plain key of older files. */
  readonly #stems: readonly string[];

  constructor(folder: string, key: string) {
    this.#folder = folder;
    this.#key = key;
    this.#stem = stemOf(key, 'choice');
    this.#stems = [...new Set([this.#stem, key])];
  }

  /** The latest choice; null: none was made. @throws if its file cannot be read. */
  async load(): Promise<KeptChoice | null> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const [newest] = await this.#files();
      if (newest === undefined) return null;
      const text = await textOf(newest.path);
      // Another server may have replaced the file meanwhile, or still be writing it (without hard links).
      if (text === undefined) continue;
      if (attempt === 0 && !isWhole(text)) await sleep(UNFINISHED_MS);
      else return { sequence: newest.sequence, choice: this.#parse(newest, text) };
    }
    throw new Error(`${join(this.#folder, this.#stem)}: choices are there and gone when they are read`);
  }

  /**
   * @param onlyAfter - number of the choice that this one amends; if there is a newer choice, nothing is written.
   * @returns the number of the new choice, or null if there was a newer one. @throws if it cannot be written.
   */
  async save(choice: Choice, onlyAfter?: bigint): Promise<bigint | null> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const before = await this.#files();
      const newest = before[0]?.sequence ?? 0n;
      if (onlyAfter !== undefined && newest !== onlyAfter) return null;
      const sequence = newest + 1n;
      const path = join(this.#folder, `${this.#stem}.mode-${sequence}${ENDING}`);
      const isMade = await createFile(path, JSON.stringify(withKey(choice, this.#stem, this.#key)));
      if (!isMade) continue;
      for (const old of before) await rm(old.path, { force: true }).catch(() => undefined);
      return sequence;
    }
    throw new Error(`${join(this.#folder, this.#stem)}: too many others choose at the same time`);
  }

  #parse({ path, stem }: ChoiceFile, text: string): Choice {
    let found: unknown;
    try {
      found = withoutKey(JSON.parse(text), stem, this.#key);
    } catch (error) {
      throw new Error(`${path}: not a choice: it is damaged`, { cause: error });
    }
    if (isChoice(found)) return found;
    throw new Error(`${path}: not a choice that this version understands`);
  }

  /** All choice files of the key, highest number first. */
  async #files(): Promise<ChoiceFile[]> {
    const names = await readdir(this.#folder).catch((error: NodeJS.ErrnoException) => {
      // No folder: no choice was ever made.
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
      throw error;
    });
    const found = names.flatMap((name) => {
      const stem = this.#stems.find((one) => name.startsWith(`${one}.mode-`));
      if (stem === undefined || !name.endsWith(ENDING)) return [];
      const digits = name.slice(`${stem}.mode-`.length, -ENDING.length);
      if (!NUMBER.test(digits)) return [];
      return [{ sequence: BigInt(digits), stem, path: join(this.#folder, name) }];
    });
    return found.sort((a, b) => (a.sequence < b.sequence ? 1 : -1));
  }
}

function isWhole(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** @returns undefined if there is no file. @throws also for a link, which taustat never writes. */
function textOf(path: string): Promise<string | undefined> {
  const flag = constants.O_RDONLY | constants.O_NOFOLLOW;
  return readFile(path, { encoding: 'utf8', flag }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    if (error.code === 'ELOOP') throw new Error(`${path}: not a choice: it is a link`);
    throw error;
  });
}
