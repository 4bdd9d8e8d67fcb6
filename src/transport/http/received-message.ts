import { IncomingMessage } from 'node:http';

/** Receives the pieces of a body, then null. Must not throw. */
export type BodyReceiver = (piece: Uint8Array | null) => void;

/**
 * A message that delivers its body directly from the parser, piece by piece, before the parser returns.
 *
 * As a stream, the last byte of a body arrives several ticks later. The stream still ends as usual, but nothing waits for it.
 */
export class ReceivedMessage extends IncomingMessage {
  #receiver: BodyReceiver | undefined;
  #hasBegun = false;

  /** @returns false if a part of the body is in the stream already; then the rest comes there too. */
  deliver(receiver: BodyReceiver): boolean {
    if (this.#hasBegun) return false;
    this.#receiver = receiver;
    this.resume();
    return true;
  }

  override push(piece: Uint8Array | null, encoding?: BufferEncoding): boolean {
    this.#hasBegun = true;
    if (this.#receiver === undefined) return super.push(piece, encoding);
    this.#receiver(piece);
    return piece === null ? super.push(null) : true;
  }
}
