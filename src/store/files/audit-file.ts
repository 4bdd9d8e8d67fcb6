import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { AuditLine, AuditSink } from '../audit.ts';
import { partPath, partsOf } from './audit-parts.ts';
import { inTurn } from './turns.ts';

/** A log this long is set aside, and a new one begins. */
const MAX_BYTES = 32 << 20;
/** Parts set aside that are kept; the oldest goes. */
const MAX_PARTS = 7;
/** What the disk has not taken yet; beyond this, lines are dropped until it has caught up. */
const MAX_WAITING_BYTES = 4 << 20;
/** How long nothing is tried after a failure. */
const RETRY_MS = 30_000;
/** How often it is looked whether another server has set the file aside. */
const LOOK_MS = 5000;

export interface AuditFileOptions {
  readonly maxBytes?: number;
  readonly maxParts?: number;
  readonly retryMs?: number;
  readonly lookMs?: number;
  /** Hears of what could not be written. The log then has a gap, and goes on once the disk takes it again. */
  readonly report: (error: unknown) => void;
}

const DEFAULTS = { maxBytes: MAX_BYTES, maxParts: MAX_PARTS, retryMs: RETRY_MS, lookMs: LOOK_MS };

/** An append-only file of JSON lines, written in the background, in parts of bounded size and number. */
export class AuditFile implements AuditSink {
  readonly #path: string;
  readonly #options: Required<AuditFileOptions>;
  #handle: FileHandle | undefined;
  #inode = 0;
  #bytes = 0;
  #lookedAt = 0;
  #retryAt = 0;
  /** What was written last is not what the next line would follow on. */
  #hasGap = true;
  #waiting: { readonly isStart: boolean; readonly text: string }[] = [];
  #waitingBytes = 0;
  #drained: Promise<void> | undefined;
  #isClosed = false;

  constructor(path: string, options: AuditFileOptions) {
    this.#path = path;
    this.#options = { ...DEFAULTS, ...options };
  }

  get needsStart(): boolean {
    if (this.#isClosed || Date.now() < this.#retryAt) return false;
    return this.#hasGap || this.#bytes >= this.#options.maxBytes;
  }

  write(line: AuditLine): void {
    const isStart = line.kind === 'start';
    if (isStart && this.needsStart) {
      this.#hasGap = false;
      this.#bytes = 0;
    }
    if (this.#isClosed || this.#hasGap) return;
    if (this.#waitingBytes > MAX_WAITING_BYTES) {
      this.#hasGap = true;
      return;
    }
    const text = `${JSON.stringify(line)}\n`;
    const bytes = Buffer.byteLength(text);
    this.#bytes += bytes;
    this.#waitingBytes += bytes;
    this.#waiting.push({ isStart, text });
    this.#drained ??= this.#drain().finally(() => {
      this.#drained = undefined;
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#drained;
    await this.#inTurn(async () => {
      await this.#handle?.close().catch(() => undefined);
      this.#handle = undefined;
    });
  }

  /** Apart from the choices and the evidence in the same folder: a log that hangs must not keep them from being written. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    return inTurn(`audit logs in ${dirname(this.#path)}`, work);
  }

  async #drain(): Promise<void> {
    // What is written in one go comes in one go.
    await undefined;
    while (this.#waiting.length > 0) {
      const { isStart, text } = this.#nextPart();
      try {
        await this.#inTurn(() => this.#append(isStart, text));
      } catch (error) {
        await this.#fail(error);
      }
    }
  }

  async #append(isStart: boolean, text: string): Promise<void> {
    if (isStart || this.#handle === undefined) await this.#begin();
    await this.#handle!.appendFile(text);
    if (Date.now() - this.#lookedAt >= this.#options.lookMs) await this.#look();
  }

  /** Lines that belong into the same file: a start may begin another one. */
  #nextPart(): { isStart: boolean; text: string } {
    const after = this.#waiting.findIndex(({ isStart }, i) => i > 0 && isStart);
    const part = this.#waiting.splice(0, after < 0 ? this.#waiting.length : after);
    const text = part.map((line) => line.text).join('');
    this.#waitingBytes -= Buffer.byteLength(text);
    return { isStart: part[0]!.isStart, text };
  }

  /** Opens what a start is written to: the file that is there, or a new one where that is long enough. */
  async #begin(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
    await mkdir(dirname(this.#path), { recursive: true });
    const there = await statOf(this.#path);
    if (there !== undefined && there.size >= this.#options.maxBytes) await this.#setAside();
    this.#handle = await openLog(this.#path);
    const { size, ino } = await this.#handle.stat();
    this.#inode = ino;
    this.#bytes += size;
    this.#lookedAt = Date.now();
    // The last server may have been killed in the middle of a line.
    if (size > 0) await this.#handle.appendFile('\n');
  }

  /** Of several servers that find it long enough, one does it; the others' file is then gone, or already a new one. */
  async #setAside(): Promise<void> {
    await rename(this.#path, partPath(this.#path, new Date())).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    const parts = await partsOf(this.#path);
    const old = parts.slice(0, Math.max(0, parts.length - this.#options.maxParts));
    for (const part of old) await rm(part, { force: true });
  }

  async #look(): Promise<void> {
    this.#lookedAt = Date.now();
    const there = await statOf(this.#path);
    if (there?.ino !== this.#inode) this.#hasGap = true;
    else this.#bytes = Math.max(this.#bytes, there.size);
  }

  async #fail(error: unknown): Promise<void> {
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#hasGap = true;
    this.#retryAt = Date.now() + this.#options.retryMs;
    this.#options.report(error);
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close().catch(() => undefined);
  }
}

/** What Windows lacks is 0: it has no such links there. */
const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;

/**
 * Opens a log to append to it, and nothing else: whoever may write to the folder could have put a link to another file in
 * its place, or a pipe that nobody reads.
 */
async function openLog(path: string): Promise<FileHandle> {
  const flags = O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW | O_NONBLOCK;
  const handle = await open(path, flags, 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ELOOP')
      throw new Error(`audit log '${path}': a link is in its place, which is not followed`);
    throw error;
  });
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new Error(`audit log '${path}': what is in its place is not a file`);
}

/** Undefined where nothing is there. @throws where that cannot be told. */
function statOf(path: string): Promise<Stats | undefined> {
  return lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
}
