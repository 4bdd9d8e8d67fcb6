import { totalmem } from 'node:os';
import { ServingError } from '../config/errors.ts';
import type { Tensor } from '../protocol/types.ts';

/** Default bound: a quarter of the memory, at most 1 GiB. */
const MAX_DEFAULT_BYTES = 1 << 30;
const SHARE_OF_MEMORY = 4;
/** Memory of the object that holds a string, beyond its bytes. */
const BYTES_PER_STRING = 128;

/** A quarter of the memory of the machine, or of the control group that the process is in; at most 1 GiB. */
export function defaultMaxBufferedBytes(
  totalBytes = totalmem(),
  constrainedBytes = process.constrainedMemory(),
): number {
  const bytes = constrainedBytes > 0 ? Math.min(totalBytes, constrainedBytes) : totalBytes;
  return Math.max(1, Math.min(MAX_DEFAULT_BYTES, Math.floor(bytes / SHARE_OF_MEMORY)));
}

/**
 * Counts the memory of all request bodies, from their arrival until their request is answered, and refuses what would exceed
 * the bound before it is allocated.
 */
export class BufferedBytes {
  readonly maxBytes: number;
  readonly #onRefused: () => void;
  #bytes = 0;

  /** @param onRefused - called at every refusal for lack of room. */
  constructor(maxBytes = defaultMaxBufferedBytes(), onRefused: () => void = () => undefined) {
    this.maxBytes = maxBytes;
    this.#onRefused = onRefused;
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Opens the account of one request, which holds nothing at first. An announced length takes no room, so that announcing
   * alone cannot keep others out.
   *
   * @param announced - announced bytes of the body.
   * @throws ServingError PAYLOAD_TOO_LARGE if they alone exceed the bound, OVERLOADED if there is no room for them now.
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

/** The memory of one request's body, compressed, decompressed or as tensors. */
export class BodyMemory {
  readonly #change: (bytes: number, own: number) => void;
  #bytes = 0;

  constructor(change: (bytes: number, own: number) => void) {
    this.#change = change;
  }

  /** @throws ServingError PAYLOAD_TOO_LARGE, OVERLOADED; nothing is counted then. */
  add(bytes: number): void {
    this.#change(bytes, this.#bytes);
    this.#bytes += bytes;
  }

  remove(bytes: number): void {
    this.add(-bytes);
  }

  /** Counts what decoded tensors take beyond their body. @throws like `add` */
  addTensors(tensors: readonly Tensor[]): void {
    let bytes = 0;
    for (const { elements } of tensors)
      bytes += ArrayBuffer.isView(elements) ? elements.byteLength : elements.length * BYTES_PER_STRING;
    if (bytes > this.#bytes) this.add(bytes - this.#bytes);
  }

  /** Gives back all of it. */
  release(): void {
    this.remove(this.#bytes);
  }
}
