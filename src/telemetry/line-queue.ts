import { write } from 'node:fs';

/** Most bytes that wait for a slow destination; lines beyond are dropped. */
const MAX_WAITING_BYTES = 1 << 20;
/** Time until a full, non-blocking pipe is tried again. */
const RETRY_MS = 50;
const NEWLINE = 10;

export interface LineQueueOptions {
  readonly maxWaitingBytes?: number;
  /** Called with the number of lines dropped because there was no room or the write failed. */
  readonly onDropped: (lines: number) => void;
}

/**
 * Writes lines to a file descriptor in the background: one write at a time, with a bounded queue. Lines that cannot be
 * written are dropped.
 */
export class LineQueue {
  readonly #descriptor: number;
  readonly #options: LineQueueOptions;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #isWriting = false;
  /** The last write ended within a line. */
  #isCut = false;

  constructor(descriptor: number, options: LineQueueOptions) {
    this.#descriptor = descriptor;
    this.#options = options;
  }

  /** @param line - one line, with its newline. */
  write(line: string): void {
    const bytes = Buffer.from(line);
    const { maxWaitingBytes = MAX_WAITING_BYTES, onDropped } = this.#options;
    if (this.#waitingBytes + bytes.byteLength > maxWaitingBytes) {
      onDropped(1);
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.byteLength;
    if (!this.#isWriting) this.#writeWaiting();
  }

  #writeWaiting(): void {
    this.#isWriting = this.#waiting.length > 0;
    if (!this.#isWriting) return;
    const lines = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#writeRest(this.#isCut ? Buffer.concat([Buffer.of(NEWLINE), lines]) : lines);
  }

  #writeRest(rest: Buffer): void {
    write(this.#descriptor, rest, 0, rest.byteLength, null, (error, written) => {
      if (error?.code === 'EAGAIN') {
        setTimeout(() => this.#writeRest(rest), RETRY_MS);
        return;
      }
      if (error === null && written < rest.byteLength) {
        this.#isCut = rest[written - 1] !== NEWLINE;
        this.#writeRest(rest.subarray(written));
        return;
      }
      if (error === null) this.#isCut = false;
      else this.#options.onDropped(linesIn(rest));
      this.#waitingBytes = this.#waiting.reduce((sum, { byteLength }) => sum + byteLength, 0);
      this.#writeWaiting();
    });
  }
}

/** Number of lines in bytes that were not written; a line of which only the newline is missing counts as written. */
function linesIn(bytes: Buffer): number {
  const start = bytes[0] === NEWLINE ? 1 : 0;
  return bytes.subarray(start).filter((byte) => byte === NEWLINE).byteLength;
}
