import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { AuditLine, AuditSink } from '../audit.ts';
import { rotatedLogs, rotatedPath } from './rotated-logs.ts';
import { runInSeries } from './serial-queue.ts';

/** Size at which a log is rotated. */
const MAX_BYTES = 32 << 20;
/** Most rotated logs that are kept; the oldest is removed. */
const MAX_ROTATED = 7;
/** Most bytes that wait for the disk; lines beyond are dropped until it has caught up. */
const MAX_WAITING_BYTES = 4 << 20;
/** Pause after a failed write. */
const RETRY_MS = 30_000;
/** Time between two checks whether another server has rotated the file. */
const CHECK_MS = 5000;

export interface AuditFileOptions {
  readonly maxBytes?: number;
  readonly maxRotated?: number;
  readonly retryMs?: number;
  readonly checkMs?: number;
  /** Called with every write error. The log then has a gap, and goes on once the disk accepts writes again. */
  readonly report: (error: unknown) => void;
}

const DEFAULTS = { maxBytes: MAX_BYTES, maxRotated: MAX_ROTATED, retryMs: RETRY_MS, checkMs: CHECK_MS };

/** An append-only file of JSON lines, written in the background and rotated: size and number of files are bounded. */
export class AuditFile implements AuditSink {
  readonly #path: string;
  readonly #options: Required<AuditFileOptions>;
  #handle: FileHandle | undefined;
  #inode = 0;
  #bytes = 0;
  #checkedAt = 0;
  #retryAt = 0;
  /** Lines are missing since the last write, so that the next one must be a start. */
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
    await this.#runInSeries(async () => {
      await this.#handle?.close().catch(() => undefined);
      this.#handle = undefined;
    });
  }

  /** A queue of its own: a log that hangs must not delay the choices and the evidence in the same folder. */
  #runInSeries(work: () => Promise<void>): Promise<void> {
    return runInSeries(`audit logs in ${dirname(this.#path)}`, work);
  }

  async #drain(): Promise<void> {
    // Lines that are written in the same turn go to the disk together.
    await undefined;
    while (this.#waiting.length > 0) {
      const { isStart, text } = this.#nextBatch();
      try {
        await this.#runInSeries(() => this.#append(isStart, text));
      } catch (error) {
        await this.#fail(error);
      }
    }
  }

  async #append(isStart: boolean, text: string): Promise<void> {
    if (isStart || this.#handle === undefined) await this.#openFile();
    await this.#handle!.appendFile(text);
    if (Date.now() - this.#checkedAt >= this.#options.checkMs) await this.#checkRotation();
  }

  /** The waiting lines up to the next start, which may begin another file. */
  #nextBatch(): { isStart: boolean; text: string } {
    const after = this.#waiting.findIndex(({ isStart }, i) => i > 0 && isStart);
    const batch = this.#waiting.splice(0, after < 0 ? this.#waiting.length : after);
    const text = batch.map((line) => line.text).join('');
    this.#waitingBytes -= Buffer.byteLength(text);
    return { isStart: batch[0]!.isStart, text };
  }

  /** Opens the file for a start line: the present one, or a new one where that has reached its size. */
  async #openFile(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
    await mkdir(dirname(this.#path), { recursive: true });
    const there = await statOf(this.#path);
    if (there !== undefined && there.size >= this.#options.maxBytes) await this.#rotate();
    this.#handle = await openLog(this.#path);
    const { size, ino } = await this.#handle.stat();
    this.#inode = ino;
    this.#bytes += size;
    this.#checkedAt = Date.now();
    // The last server may have been killed while it wrote a line.
    if (size > 0) await this.#handle.appendFile('\n');
  }

  /** Of several servers that share the file one rotates it; for the others it is then gone, or new already. */
  async #rotate(): Promise<void> {
    await rename(this.#path, rotatedPath(this.#path, new Date())).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    const rotated = await rotatedLogs(this.#path);
    const old = rotated.slice(0, Math.max(0, rotated.length - this.#options.maxRotated));
    for (const log of old) await rm(log, { force: true });
  }

  async #checkRotation(): Promise<void> {
    this.#checkedAt = Date.now();
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

/** Windows has no O_NOFOLLOW and no O_NONBLOCK. */
const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;

/**
 * Opens a log for appending. Links and pipes are refused: anyone who may write to the folder could have put one there.
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

/** Undefined where there is no file. @throws any other error. */
function statOf(path: string): Promise<Stats | undefined> {
  return lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
}
