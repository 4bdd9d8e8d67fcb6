import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { ServingError } from '../../config/errors.ts';
import { MAX_VALUES, tooMany } from '../counts.ts';

const WIRE_NAMES = ['a varint', '64 bits', 'a length and bytes', 'a group', 'the end of a group', '32 bits'];

/** Number of fields that one request's message and its parts may still have; elements of tensors do not count. */
export class FieldAllowance {
  #left = MAX_VALUES;

  /** @throws ServingError INVALID_REQUEST */
  spend(): void {
    if (this.#left-- === 0) throw tooMany('fields in one request', MAX_VALUES);
  }
}

/**
 * Reads the fields of one protobuf message, one after the other.
 *
 * Returned bytes share memory with the message. A wrong wire type and a message that ends too early are errors.
 */
export class Fields {
  readonly #reader: BinaryReader;
  readonly #allowance: FieldAllowance | undefined;
  #number = 0;
  #type: WireType = WireType.Varint;

  /** @param allowance - shared by all parts of one request. */
  constructor(message: Uint8Array, allowance?: FieldAllowance) {
    this.#reader = new BinaryReader(message);
    this.#allowance = allowance;
  }

  /** Moves to the next field, which must then be read or skipped. @returns false at the end. */
  next(): boolean {
    if (this.#reader.pos >= this.#reader.len) return false;
    this.#allowance?.spend();
    [this.#number, this.#type] = this.#reader.tag();
    return true;
  }

  /** Number of the present field. */
  get number(): number {
    return this.#number;
  }

  skip(): void {
    this.#reader.skip(this.#type, this.#number);
  }

  text(): string {
    this.#expect(WireType.LengthDelimited);
    return this.#reader.string(true);
  }

  /** The bytes of a message, a packed array or a `bytes` field. */
  bytes(): Uint8Array {
    this.#expect(WireType.LengthDelimited);
    return this.#reader.bytes();
  }

  bool(): boolean {
    this.#expect(WireType.Varint);
    return this.#reader.bool();
  }

  int64(): bigint {
    this.#expect(WireType.Varint);
    return BigInt(this.#reader.int64());
  }

  uint64(): bigint {
    this.#expect(WireType.Varint);
    return BigInt(this.#reader.uint64());
  }

  double(): number {
    this.#expect(WireType.Bit64);
    return this.#reader.double();
  }

  /** Elements of a repeated varint field, packed or one at a time. */
  varints(read: (reader: BinaryReader) => void): void {
    if (this.#type === WireType.Varint) {
      read(this.#reader);
      return;
    }
    const packed = new BinaryReader(this.bytes());
    while (packed.pos < packed.len) read(packed);
  }

  /** The bytes of elements of a repeated field of fixed size, packed or one at a time. */
  fixed(size: 4 | 8): Uint8Array {
    if (this.#type !== (size === 4 ? WireType.Bit32 : WireType.Bit64)) return this.bytes();
    return this.#reader.skip(this.#type);
  }

  #expect(type: WireType): void {
    if (this.#type === type) return;
    throw new ServingError(
      'INVALID_REQUEST',
      `malformed message: field ${this.#number} holds ${WIRE_NAMES[this.#type]}, expected ${WIRE_NAMES[type]}`,
    );
  }
}

/** Adds to a repeated field. @throws ServingError INVALID_REQUEST beyond `max` of them. */
export function append<T>(values: T[], value: T, name: string, max: number): void {
  if (values.length === max) throw tooMany(name, max);
  values.push(value);
}

/**
 * Runs `read`, which decodes protobuf, and turns its errors into a client's error.
 *
 * @throws ServingError INVALID_REQUEST if the bytes are not the expected message.
 */
export function decodeProtobuf<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ServingError) throw error;
    throw new ServingError(
      'INVALID_REQUEST',
      'malformed message: the bytes are not a protobuf message of this type',
      {
        cause: error,
      },
    );
  }
}

export function invalidMessage(what: string): ServingError {
  return new ServingError('INVALID_REQUEST', `malformed message: ${what}`);
}
