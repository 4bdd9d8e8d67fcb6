import type { PassThrough } from '../../plane/pass-through.ts';
import type { NonFinitePolicy } from '../../protocol/json/json-writer.ts';
import { BufferedBytes } from '../buffered-bytes.ts';

export interface HttpLimits {
  /** Where requests go that are not answered here; undefined: they are answered 404. */
  readonly passThrough: PassThrough | undefined;
  /** Largest body in bytes, compressed and decompressed. */
  readonly maxBodyBytes: number;
  /** Counts the memory of all bodies together; by default shared by all servers of the process. */
  readonly buffered: BufferedBytes;
  /** Origins of web pages that may read answers. */
  readonly corsOrigins: readonly string[];
  /** Header that names the stream of a request, which such pages may send too. */
  readonly sequenceHeader: string | undefined;
  /** Most open event streams. */
  readonly maxEventStreams: number;
  /** Called for every refused event stream. */
  readonly onStreamRefused: () => void;
  /** Most simultaneous readers of kept inputs. */
  readonly maxInputReaders: number;
  /** Largest batch; undefined: no limit. */
  readonly maxBatch: number | undefined;
  /** How NaN and infinity in a response are written as JSON. */
  readonly nonFinite: NonFinitePolicy;
  /** Least size in bytes of a response that is compressed, if the client accepts it. */
  readonly compressFromBytes: number;
  /** Least size in bytes of request JSON that is decoded in a thread. */
  readonly threadFromBytes: number;
  /** Least number of elements in response JSON that is encoded in a thread. */
  readonly threadFromElements: number;
  /** Value of `Retry-After` when the server is overloaded or not ready. */
  readonly retryAfterSeconds: number;
  /** Delay of a refusal for overload, in milliseconds: a client that is refused at once retries at once. */
  readonly refusalDelayMs: number;
}

export const DEFAULT_LIMITS: HttpLimits = Object.freeze({
  passThrough: undefined,
  maxBodyBytes: 64 * 1024 * 1024,
  buffered: new BufferedBytes(),
  corsOrigins: [],
  sequenceHeader: undefined,
  maxEventStreams: 256,
  onStreamRefused: () => undefined,
  maxInputReaders: 4,
  maxBatch: undefined,
  nonFinite: 'bare',
  compressFromBytes: 1024,
  // A few milliseconds of the serving thread.
  threadFromBytes: 128 * 1024,
  threadFromElements: 16_384,
  retryAfterSeconds: 1,
  refusalDelayMs: 50,
});
