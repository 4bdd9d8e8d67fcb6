import { type DestinationStream, type Logger, pino } from 'pino';
import type { Config } from '../config/schema.ts';

const HIDDEN = '[token]';

/**
 * The server's log, one JSON object per line. A token that finds its way into a line, however deep, leaves it again before
 * the line is written.
 */
export function createLog(
  { telemetry, server, control }: Pick<Config, 'telemetry' | 'server' | 'control'>,
  destination?: DestinationStream,
): Logger {
  const secrets = [server.token, control.token].flatMap((token) =>
    token === undefined ? [] : [escaped(token)],
  );
  const options = {
    name: 'taustat',
    level: telemetry.logLevel,
    serializers: { error: pino.stdSerializers.err },
    hooks: {
      streamWrite: (line: string) => secrets.reduce((text, secret) => text.replaceAll(secret, HIDDEN), line),
    },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** As JSON writes it inside a text. */
function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
