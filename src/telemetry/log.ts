import { type DestinationStream, type Logger, pino } from 'pino';
import type { Config } from '../config/schema.ts';
import { LineQueue } from './line-queue.ts';
import { logLinesDropped } from './metrics.ts';
import { readableLine } from './readable-line.ts';

const HIDDEN = '[token]';
const STDOUT = 1;

/**
 * The server's log on stdout, unless a destination is given: one JSON object per line, or on a terminal a line for people.
 *
 * Whatever becomes of stdout, such as a full disk or a closed pipe, a line that cannot be written is dropped and counted, and
 * nothing waits for it. A token that finds its way into a line, however deep, leaves it again before the line is written.
 *
 * @param isTerminal - whether somebody reads along, where `telemetry.logFormat` leaves that open.
 */
export function createLog(
  { telemetry, server, control }: Pick<Config, 'telemetry' | 'server' | 'control'>,
  destination: DestinationStream = new LineQueue(STDOUT, {
    onDropped: (lines) => logLinesDropped.inc(lines),
  }),
  isTerminal = process.stdout.isTTY === true,
): Logger {
  const secrets = [server.token, control.token].flatMap((token) =>
    token === undefined ? [] : [escaped(token)],
  );
  const { logFormat } = telemetry;
  const isReadable = logFormat === 'auto' ? isTerminal : logFormat === 'text';
  const options = {
    name: 'taustat',
    level: telemetry.logLevel,
    serializers: { error: pino.stdSerializers.err },
    hooks: {
      streamWrite: (line: string) => {
        const safe = secrets.reduce((text, secret) => text.replaceAll(secret, HIDDEN), line);
        return isReadable ? readableLine(safe) : safe;
      },
    },
  };
  return pino(options, destination);
}

/** As JSON writes it inside a text. */
function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
