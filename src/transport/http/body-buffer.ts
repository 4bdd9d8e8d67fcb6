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
 * Placed so that the byte at `alignAt`, where binary data begins, is aligned for every datatype: tensors then need no
 * second copy. Memory grows with what arrives, not with what a header claims, and many tiny chunks cost no more than one.
 * A body that comes in one chunk stays where it is, aligned or not, if nobody else has the chunk and its memory holds nothing else.
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
   * @param memory - told of what is allocated, before it is.
   */
  constructor(declared: number | undefined, maxBytes: number, alignAt: number, memory?: BodyMemory) {
    this.#memory = memory;
    this.#maxBytes = maxBytes;
    this.#announced = declared;
    this.#offset = (ALIGNMENT - (alignAt % ALIGNMENT)) % ALIGNMENT;
    this.#declared = Math.min(declared ?? 0, FIRST_CAPACITY);
  }

  /**
   * @param isFree - nobody else has the chunk: it may be kept as it is.
   * @throws ServingError PAYLOAD_TOO_LARGE, and what `memory` throws.
   */
  append(chunk: Uint8Array, isFree = false): void {
    if (chunk.byteLength === 0) return;
    if (isFree && this.#length === 0 && this.#isWhole(chunk)) {
      this.#adopt(chunk);
      return;
    }
    const end = this.#offset + this.#length + chunk.byteLength;
    if (end - this.#offset > this.#maxBytes) throw bodyTooLarge(this.#maxBytes);
    if (end > this.#bytes.byteLength) this.#grow(end);
    this.#bytes.set(chunk, end - chunk.byteLength);
    this.#length += chunk.byteLength;
  }

  /** Whether as many bytes are here as were announced; false where none were. */
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

  /** The body so far; its memory is not shared with anything else. */
  take(): Uint8Array {
    return this.#bytes.subarray(this.#offset, this.#offset + this.#length);
  }

  /** Lets go of the body. */
  drop(): void {
    this.#memory?.remove(this.#bytes.byteLength);
    this.#bytes = NOTHING;
    this.#length = 0;
  }
}
