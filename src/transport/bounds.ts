import type { Config } from '../config/schema.ts';
import type { Bound, Metrics } from '../telemetry/metrics.ts';
import { BufferedBytes, defaultMaxBufferedBytes } from './buffered-bytes.ts';

/**
 * The bounds over all clients of HTTP and gRPC. Refusals are counted.
 *
 * @param processes - that serve together: each has its share of what there may be of all.
 */
export function boundsOf(server: Config['server'], metrics: Metrics, processes = 1) {
  const { maxBodyBytes, maxBatch } = server;
  const { maxBufferedBytes = defaultMaxBufferedBytes() } = server;
  const [maxEventStreams, maxConnections] = [server.maxEventStreams, server.maxConnections].map((most) =>
    Math.ceil(most / processes),
  ) as [number, number];
  const { corsOrigins } = server;
  const refused = (bound: Bound) => () => metrics.refused.inc({ bound });
  return {
    maxBodyBytes,
    maxMessageBytes: maxBodyBytes,
    maxBatch,
    corsOrigins,
    maxEventStreams,
    maxConnections,
    buffered: new BufferedBytes(Math.ceil(maxBufferedBytes / processes), refused('buffered_bytes')),
    onStreamRefused: refused('event_streams'),
    onConnectionRefused: refused('connections'),
  };
}
