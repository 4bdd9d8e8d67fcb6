import type { NonFinitePolicy } from '../../protocol/json/json-writer.ts';
import { BufferedBytes } from '../buffered-bytes.ts';

export interface HttpLimits {
  /** Largest body, in bytes, as it arrives and after decompression. */
  readonly maxBodyBytes: number;
  /** The memory of all bodies together; by default of all servers of the process. */
  readonly buffered: BufferedBytes;
  /** Origins of pages that may read answers. */
  readonly corsOrigins: readonly string[];
  /** Most event streams that are open at one time. */
  readonly maxEventStreams: number;
  /** Hears of an event stream beyond that. */
  readonly onStreamRefused: () => void;
  /** Largest batch; undefined: no limit. */
  readonly maxBatch: number | undefined;
  /** What a NaN or an infinity in a response becomes when it travels as JSON. */
  readonly nonFinite: NonFinitePolicy;
  /** A response is compressed, for a client that accepts it, from this size on. */
  readonly compressFromBytes: number;
  /** The JSON of a request is decoded in a thread of its own from this size on. */
  readonly threadFromBytes: number;
  /** The JSON of a response is encoded in a thread of its own from this many elements on. */
  readonly threadFromElements: number;
  /** What `Retry-After` says when the server is overloaded or not ready. */
  readonly retryAfterSeconds: number;
  /** Time before an overloaded server sends a refusal, in milliseconds: whoever is refused at once asks again at once. */
  readonly refusalDelayMs: number;
}

export const DEFAULT_LIMITS: HttpLimits = Object.freeze({
  maxBodyBytes: 64 * 1024 * 1024,
  buffered: new BufferedBytes(),
  corsOrigins: [],
  maxEventStreams: 256,
  onStreamRefused: () => undefined,
  maxBatch: undefined,
  nonFinite: 'bare',
  compressFromBytes: 1024,
  // A few milliseconds of the thread that serves.
  threadFromBytes: 128 * 1024,
  threadFromElements: 16_384,
  retryAfterSeconds: 1,
  refusalDelayMs: 50,
});
