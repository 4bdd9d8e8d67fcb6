import { ServingError } from '../../config/errors.ts';

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
  #offset: number;
  #bytes: Uint8Array = NOTHING;
  #length = 0;

  /**
   * @param declared - bytes that `Content-Length` announces; undefined for a chunked body.
   * @param alignAt - offset in the body that must be aligned.
   */
  constructor(declared: number | undefined, maxBytes: number, alignAt: number) {
    this.#maxBytes = maxBytes;
    this.#announced = declared;
    this.#offset = (ALIGNMENT - (alignAt % ALIGNMENT)) % ALIGNMENT;
    this.#declared = Math.min(declared ?? 0, FIRST_CAPACITY);
  }

  /**
   * @param isFree - nobody else has the chunk: it may be kept as it is.
   * @throws ServingError PAYLOAD_TOO_LARGE
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
    this.#offset = 0;
    this.#bytes = chunk;
    this.#length = chunk.byteLength;
  }

  #grow(atLeast: number): void {
    const wanted = this.#bytes === NOTHING ? this.#offset + this.#declared : 4 * this.#bytes.byteLength;
    const capacity = Math.min(Math.max(atLeast, wanted), this.#offset + this.#maxBytes);
    const grown = new Uint8Array(capacity);
    grown.set(this.#bytes.subarray(0, this.#offset + this.#length));
    this.#bytes = grown;
  }

  /** The body so far; its memory is not shared with anything else. */
  take(): Uint8Array {
    return this.#bytes.subarray(this.#offset, this.#offset + this.#length);
  }
}
