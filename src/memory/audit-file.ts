import { createWriteStream, mkdirSync, openSync, renameSync, statSync, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';
import type { AuditLine, AuditSink } from './audit.ts';

/** A log this long is set aside as `.1`, in place of the one before it, and a new one begins. */
const MAX_BYTES = 64 << 20;
/** What the disk has not taken yet; beyond this, lines are dropped until it has caught up. */
const MAX_WAITING_BYTES = 4 << 20;

export interface AuditFileOptions {
  readonly maxBytes?: number;
  /** Hears, once, of what could not be written; the log then ends. */
  readonly report: (error: unknown) => void;
}

/** An append-only file of JSON lines, written in the background. */
export class AuditFile implements AuditSink {
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #report: (error: unknown) => void;
  #stream: WriteStream | undefined;
  #bytes = 0;
  #hasGap = true;

  constructor(path: string, { maxBytes = MAX_BYTES, report }: AuditFileOptions) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#report = report;
    this.#attempt(() => {
      mkdirSync(dirname(path), { recursive: true });
      this.#bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
      this.#open();
      // The last server may have been killed in the middle of a line.
      if (this.#bytes > 0) this.#stream?.write('\n');
    });
  }

  get needsStart(): boolean {
    return this.#stream !== undefined && (this.#hasGap || this.#bytes >= this.#maxBytes);
  }

  write(line: AuditLine): void {
    if (line.kind === 'start') {
      if (this.#bytes >= this.#maxBytes) this.#setAside();
      this.#hasGap = false;
    }
    if (this.#stream === undefined || this.#hasGap) return;
    if (this.#stream.writableLength > MAX_WAITING_BYTES) {
      this.#hasGap = true;
      return;
    }
    const text = `${JSON.stringify(line)}\n`;
    this.#bytes += Buffer.byteLength(text);
    this.#stream.write(text);
  }

  async close(): Promise<void> {
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream !== undefined) await new Promise<void>((resolve) => stream.end(() => resolve()));
  }

  #open(): void {
    const stream = createWriteStream(this.#path, { fd: openSync(this.#path, 'a', 0o600) });
    stream.on('error', (error) => {
      if (this.#stream === stream) this.#stream = undefined;
      this.#report(error);
    });
    this.#stream = stream;
  }

  #setAside(): void {
    this.#attempt(() => {
      this.#stream?.end();
      renameSync(this.#path, `${this.#path}.1`);
      this.#bytes = 0;
      this.#open();
    });
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#stream = undefined;
      this.#report(error);
    }
  }
}
