import type { Config } from '../config/schema.ts';
import type { Bound, Metrics } from '../telemetry/metrics.ts';
import { BufferedBytes } from './buffered-bytes.ts';

/** The bounds over all clients of HTTP and gRPC. Refusals are counted. */
export function boundsOf(server: Config['server'], metrics: Metrics) {
  const { maxBodyBytes, maxBatch, maxEventStreams, maxConnections, maxBufferedBytes } = server;
  const { corsOrigins } = server;
  const refused = (bound: Bound) => () => metrics.refused.inc({ bound });
  return {
    maxBodyBytes,
    maxMessageBytes: maxBodyBytes,
    maxBatch,
    corsOrigins,
    maxEventStreams,
    maxConnections,
    buffered: new BufferedBytes(maxBufferedBytes, refused('buffered_bytes')),
    onStreamRefused: refused('event_streams'),
    onConnectionRefused: refused('connections'),
  };
}
