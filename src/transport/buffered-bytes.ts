import { totalmem } from 'node:os';
import { ServingError } from '../config/errors.ts';
import type { Tensor } from '../protocol/types.ts';

/** What all bodies may take together where nothing else is set: 1 GiB, or a quarter of the memory that there is. */
const MOST_BYTES = 1 << 30;
const SHARE_OF_MEMORY = 4;
/** A string is an object of its own. */
const BYTES_PER_STRING = 128;

/** A quarter of the memory of the machine, or of the control group that the process is in; at most 1 GiB. */
export function defaultMaxBufferedBytes(
  totalBytes = totalmem(),
  constrainedBytes = process.constrainedMemory(),
): number {
  const bytes = constrainedBytes > 0 ? Math.min(totalBytes, constrainedBytes) : totalBytes;
  return Math.max(1, Math.min(MOST_BYTES, Math.floor(bytes / SHARE_OF_MEMORY)));
}

/**
 * The memory of all bodies that a server holds at one time: while they arrive, while they are decompressed, and until their
 * request is answered. What would go beyond the bound is refused, before its memory is allocated.
 */
export class BufferedBytes {
  readonly maxBytes: number;
  readonly #onRefused: () => void;
  #bytes = 0;

  /** @param onRefused - hears of every refusal for want of room. */
  constructor(maxBytes = defaultMaxBufferedBytes(), onRefused: () => void = () => undefined) {
    this.maxBytes = maxBytes;
    this.#onRefused = onRefused;
  }

  /** Bytes that are held now. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * What one request holds, at first nothing. A length that is only announced takes no room, so that nobody can keep
   * others out by announcing.
   *
   * @param announced - bytes that are about to come.
   * @throws ServingError PAYLOAD_TOO_LARGE where they alone are too many, OVERLOADED where there is no room now.
   */
  open(announced = 0): BodyMemory {
    this.#check(announced, 0);
    return new BodyMemory((bytes, own) => {
      if (bytes > 0) this.#check(bytes, own);
      this.#bytes += bytes;
    });
  }

  #check(bytes: number, own: number): void {
    if (own + bytes > this.maxBytes)
      throw new ServingError(
        'PAYLOAD_TOO_LARGE',
        `the request needs more than ${this.maxBytes} bytes of memory`,
      );
    if (this.#bytes + bytes <= this.maxBytes && (bytes > 0 || this.#bytes < this.maxBytes)) return;
    this.#onRefused();
    throw new ServingError('OVERLOADED', 'the bodies that the server holds leave no room for another');
  }
}

/** The memory of one request's body, in whatever form. */
export class BodyMemory {
  readonly #change: (bytes: number, own: number) => void;
  #bytes = 0;

  constructor(change: (bytes: number, own: number) => void) {
    this.#change = change;
  }

  /** @throws ServingError PAYLOAD_TOO_LARGE, OVERLOADED; then nothing has changed. */
  add(bytes: number): void {
    this.#change(bytes, this.#bytes);
    this.#bytes += bytes;
  }

  remove(bytes: number): void {
    this.add(-bytes);
  }

  /** Makes room for what decoded tensors take beyond the body they came from. @throws as `add` */
  addTensors(tensors: readonly Tensor[]): void {
    let bytes = 0;
    for (const { elements } of tensors)
      bytes += ArrayBuffer.isView(elements) ? elements.byteLength : elements.length * BYTES_PER_STRING;
    if (bytes > this.#bytes) this.add(bytes - this.#bytes);
  }

  /** Nothing is held any more. */
  release(): void {
    this.remove(this.#bytes);
  }
}
