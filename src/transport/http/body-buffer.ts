import { ServingError } from '../../config/errors.ts';
import type { BodyMemory } from '../buffered-bytes.ts';

const FIRST_CAPACITY = 1024 * 1024;
/** Alignment of the widest datatype. */
const ALIGNMENT = 8;
const NOTHING = new Uint8Array();

export function bodyTooLarge(maxBytes: number): ServingError {
  return new ServingError('PAYLOAD_TOO_LARGE', `the body exceeds ${maxBytes} bytes`);
}

/**
 * Collects the chunks of one body into memory of its own.
 *
 * The byte at `alignAt`, where binary data begins, is aligned for every datatype, so that tensors need no second copy.
 * Memory grows with the bytes received, not with the announced length. A body of a single chunk is kept without a copy,
 * aligned or not, if the chunk is unshared and fills its buffer.
 */
export class BodyBuffer {
  readonly #maxBytes: number;
  readonly #announced: number | undefined;
  readonly #declared: number;
  readonly #memory: BodyMemory | undefined;
  #offset: number;
  #bytes: Uint8Array = NOTHING;
  #length = 0;

  /**
   * @param declared - bytes that `Content-Length` announces; undefined for a chunked body.
   * @param alignAt - offset in the body that must be aligned.
   * @param memory - counts every allocation beforehand.
   */
  constructor(declared: number | undefined, maxBytes: number, alignAt: number, memory?: BodyMemory) {
    this.#memory = memory;
    this.#maxBytes = maxBytes;
    this.#announced = declared;
    this.#offset = (ALIGNMENT - (alignAt % ALIGNMENT)) % ALIGNMENT;
    this.#declared = Math.min(declared ?? 0, FIRST_CAPACITY);
  }

  /**
   * @param isUnshared - nobody else uses the chunk, so that it may be kept.
   * @throws ServingError PAYLOAD_TOO_LARGE, and errors of `memory`.
   */
  append(chunk: Uint8Array, isUnshared = false): void {
    if (chunk.byteLength === 0) return;
    if (isUnshared && this.#length === 0 && this.#isWhole(chunk)) {
      this.#adopt(chunk);
      return;
    }
    const end = this.#offset + this.#length + chunk.byteLength;
    if (end - this.#offset > this.#maxBytes) throw bodyTooLarge(this.#maxBytes);
    if (end > this.#bytes.byteLength) this.#grow(end);
    this.#bytes.set(chunk, end - chunk.byteLength);
    this.#length += chunk.byteLength;
  }

  /** Whether all announced bytes have arrived; false if no length was announced. */
  get isFilled(): boolean {
    return this.#length > 0 && this.#length === this.#announced;
  }

  #isWhole(chunk: Uint8Array): boolean {
    return chunk.byteLength === this.#declared && chunk.byteLength === chunk.buffer.byteLength;
  }

  #adopt(chunk: Uint8Array): void {
    this.#memory?.add(chunk.byteLength);
    this.#offset = 0;
    this.#bytes = chunk;
    this.#length = chunk.byteLength;
  }

  #grow(atLeast: number): void {
    const wanted = this.#bytes === NOTHING ? this.#offset + this.#declared : 4 * this.#bytes.byteLength;
    const most = this.#offset + Math.min(this.#maxBytes, this.#announced ?? this.#maxBytes);
    const capacity = Math.max(atLeast, Math.min(wanted, most));
    this.#memory?.add(capacity - this.#bytes.byteLength);
    const grown = new Uint8Array(capacity);
    grown.set(this.#bytes.subarray(0, this.#offset + this.#length));
    this.#bytes = grown;
  }

  /** The body so far, in memory of its own. */
  take(): Uint8Array {
    return this.#bytes.subarray(this.#offset, this.#offset + this.#length);
  }

  /** Releases the body. */
  drop(): void {
    this.#memory?.remove(this.#bytes.byteLength);
    this.#bytes = NOTHING;
    this.#length = 0;
  }
}
