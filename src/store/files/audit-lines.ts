import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** Far longer than the longest line that a server writes, a start with the controller's whole state. */
const MAX_LINE_BYTES = 8 << 20;
const PIECE_BYTES = 64 << 10;
const NEWLINE = 0x0a;
/** Without O_NONBLOCK, opening a pipe without a writer would block. */
const { O_RDONLY, O_NONBLOCK = 0 } = constants;

/**
 * The lines of a log, one after the other, without their ends. Memory is bounded by the longest one.
 *
 * @throws Error for what is not a file, such as a folder, a device or a pipe, and for a line beyond `maxBytes`.
 */
export async function* linesOf(path: string, maxBytes = MAX_LINE_BYTES): AsyncGenerator<string> {
  const handle = await open(path, O_RDONLY | O_NONBLOCK);
  try {
    const status = await handle.stat();
    if (!status.isFile()) throw new Error('it is not a file');
    const line = new GrowingLine(maxBytes);
    const piece = Buffer.alloc(PIECE_BYTES);
    // A log that is still being written is read up to its present end.
    for (let left = status.size; left > 0; ) {
      const { bytesRead } = await handle.read(piece, 0, Math.min(PIECE_BYTES, left));
      if (bytesRead === 0) break;
      left -= bytesRead;
      let from = 0;
      for (;;) {
        const end = piece.subarray(0, bytesRead).indexOf(NEWLINE, from);
        if (end < 0) break;
        line.append(piece.subarray(from, end));
        yield line.take();
        from = end + 1;
      }
      line.append(piece.subarray(from, bytesRead));
    }
    if (line.bytes > 0) yield line.take();
  } finally {
    await handle.close();
  }
}

class GrowingLine {
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  append(piece: Buffer): void {
    this.bytes += piece.byteLength;
    if (this.bytes > this.#maxBytes)
      throw new Error(`a line has more than ${this.#maxBytes} bytes, which no audit log has`);
    this.#pieces.push(Buffer.from(piece));
  }

  take(): string {
    const text = Buffer.concat(this.#pieces).toString();
    this.#pieces = [];
    this.bytes = 0;
    return text;
  }
}
