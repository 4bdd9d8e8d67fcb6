import { write } from 'node:fs';

/** What waits for a destination that is slow; a line that finds no room is dropped. */
const MAX_WAITING_BYTES = 1 << 20;
/** A pipe that is full and does not block is tried again after so long. */
const RETRY_MS = 50;
const NEWLINE = 10;

export interface LineQueueOptions {
  readonly maxWaitingBytes?: number;
  /** Hears how many lines were dropped: for want of room, or because they could not be written. */
  readonly onDropped: (lines: number) => void;
}

/**
 * Lines on their way to a file descriptor. Nobody waits for them: one write is under way at a time, a bounded number of
 * bytes waits, and what cannot be written is dropped.
 */
export class LineQueue {
  readonly #descriptor: number;
  readonly #options: LineQueueOptions;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #isWriting = false;
  /** The last thing written was half a line. */
  #isCut = false;

  constructor(descriptor: number, options: LineQueueOptions) {
    this.#descriptor = descriptor;
    this.#options = options;
  }

  /** Takes one line, with its end. */
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

/** The lines that end in it; one that lacks only its end counts as written. */
function linesIn(bytes: Buffer): number {
  const start = bytes[0] === NEWLINE ? 1 : 0;
  return bytes.subarray(start).filter((byte) => byte === NEWLINE).byteLength;
}
