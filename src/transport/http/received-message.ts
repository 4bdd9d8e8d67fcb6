import { IncomingMessage } from 'node:http';

/** What takes the pieces of a body as they come; null: that was all. It must not throw. */
export type BodyReceiver = (piece: Uint8Array | null) => void;

/**
 * A message whose body can be had straight from the parser, piece by piece, before the parser returns.
 *
 * As a stream the last byte of a body takes several turns of the queue of ticks to arrive. The
 * stream still ends as it would, but nobody waits for it.
 */
export class ReceivedMessage extends IncomingMessage {
  #receiver: BodyReceiver | undefined;
  #hasBegun = false;

  /** @returns false when a part of the body is in the stream already, and the rest will be. */
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
