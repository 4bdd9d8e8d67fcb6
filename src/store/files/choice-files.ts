import { constants } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Choice, isChoice } from '../choice.ts';
import type { KeptChoice } from '../store.ts';
import { stemOf, withKey, withoutKey } from './file-names.ts';
import { createFile } from './file-writing.ts';

/** Others that choose at the same moment, for a writer and for a reader; more than a few means that the file system lies. */
const MAX_ATTEMPTS = 100;
/** On a file system without links, a choice takes so long to be written at most. */
const UNFINISHED_MS = 100;
const ENDING = '.json';
const NUMBER = /^(0|[1-9]\d*)$/;

/** A file that holds a choice, by its name. */
interface ChoiceFile {
  readonly sequence: bigint;
  readonly stem: string;
  readonly path: string;
}

/**
 * The choices made for one key, each in a file of its own with the next number, of which the highest counts.
 *
 * A file is made only where none is, so that servers that share a folder cannot overwrite each other's choices, without a
 * lock that somebody would have to break after a kill. It appears whole or not at all. So whatever is no choice was damaged
 * later, and nobody can tell what it said.
 */
export class ChoiceFiles {
  readonly #folder: string;
  readonly #key: string;
  /** Of files that are made now. */
  readonly #stem: string;
  /** Where the key is hashed: of files from before it was. */
  readonly #stems: readonly string[];

  constructor(folder: string, key: string) {
    this.#folder = folder;
    this.#key = key;
    this.#stem = stemOf(key, 'choice');
    this.#stems = [...new Set([this.#stem, key])];
  }

  /** The choice that counts; null: nobody has made one. @throws where that cannot be told, as of a file that cannot be read. */
  async load(): Promise<KeptChoice | null> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const [newest] = await this.#files();
      if (newest === undefined) return null;
      const text = await textOf(newest.path);
      // Another server may have put a newer one in its place meanwhile, or still write where files appear before they are whole.
      if (text === undefined) continue;
      if (attempt === 0 && !isWhole(text)) await sleep(UNFINISHED_MS);
      else return { sequence: newest.sequence, choice: this.#parse(newest, text) };
    }
    throw new Error(`${join(this.#folder, this.#stem)}: choices are there and gone when they are read`);
  }

  /**
   * @param onlyAfter - the number of the choice that this one amends: nothing is kept once another has been made.
   * @returns its number, or null where it came too late. @throws where it cannot be kept.
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

  /** What is there, highest number first. */
  async #files(): Promise<ChoiceFile[]> {
    const names = await readdir(this.#folder).catch((error: NodeJS.ErrnoException) => {
      // Where there is no folder, nothing was ever kept.
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

/** @returns undefined where nothing is there (any more). @throws also for a link: what it points to was not written here. */
function textOf(path: string): Promise<string | undefined> {
  const flag = constants.O_RDONLY | constants.O_NOFOLLOW;
  return readFile(path, { encoding: 'utf8', flag }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    if (error.code === 'ELOOP') throw new Error(`${path}: not a choice: it is a link`);
    throw error;
  });
}
