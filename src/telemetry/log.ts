import { type DestinationStream, type Logger, pino } from 'pino';
import type { Config } from '../config/schema.ts';
import { LineQueue } from './line-queue.ts';
import { logLinesDropped } from './metrics.ts';
import { readableLine } from './readable-line.ts';

const HIDDEN = '[token]';
const STDOUT = 1;

/** Takes every line of the log as JSON, tokens replaced, beside its destination. */
export type LineListener = (line: string) => void;

/**
 * The server's log, by default on stdout: one JSON object per line, or readable text on a terminal.
 *
 * A line that cannot be written, for example to a full disk or a closed pipe, is dropped and counted; nothing waits for it.
 * Tokens are replaced in every line.
 *
 * @param isTerminal - whether `telemetry.logFormat: auto` means text.
 */
export function createLog(
  { telemetry, server, control }: Pick<Config, 'telemetry' | 'server' | 'control'>,
  destination: DestinationStream = new LineQueue(STDOUT, {
    onDropped: (lines) => logLinesDropped.inc(lines),
  }),
  isTerminal = process.stdout.isTTY === true,
  listener?: LineListener,
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
        listener?.(safe);
        return isReadable ? readableLine(safe) : safe;
      },
    },
  };
  return pino(options, destination);
}

/** A text as JSON writes it within quotes. */
function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
