import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/schema.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { readableLine } from '../../src/telemetry/readable-line.ts';

const TIME = Date.UTC(2026, 0, 2, 3, 4, 5);
const line = (entry: object) =>
  `${JSON.stringify({ level: 30, time: TIME, pid: 1, hostname: 'h', name: 'taustat', ...entry })}\n`;

describe('a line for people', () => {
  it('has the time, what happened, and what is known of it', () => {
    expect(readableLine(line({ url: 'http://h:1', modes: { m: 'auto' }, grpc: null, msg: 'serving' }))).toBe(
      '03:04:05  serving  (url http://h:1, modes {"m":"auto"})\n',
    );
    expect(readableLine(line({ msg: 'stopped' }))).toBe('03:04:05  stopped\n');
  });

  it('names the levels that are not usual', () => {
    expect(readableLine(line({ level: 40, msg: 'careful' }))).toBe('03:04:05  warning: careful\n');
    expect(readableLine(line({ level: 50, msg: 'broken' }))).toBe('03:04:05  error: broken\n');
  });

  it('is whatever else was written', () => {
    expect(readableLine('no JSON\n')).toBe('no JSON\n');
    expect(readableLine('{"a":1}\n')).toBe('{"a":1}\n');
  });
});

describe('the form of the log', () => {
  it.each([
    ['auto', true, /^\d\d:\d\d:\d\d {2}told {2}\(key \[token\]\)\n$/],
    ['auto', false, /^\{"level":30,.*"key":"\[token\]","msg":"told"\}\n$/],
    ['json', true, /^\{"level":30/],
    ['text', false, /^\d\d:\d\d:\d\d {2}told/],
  ] as const)('%s, on a terminal: %s', (logFormat, isTerminal, expected) => {
    const lines: string[] = [];
    const config = parseConfig({ telemetry: { logFormat }, server: { token: 'a-long-secret-token' } });
    const log = createLog(config, { write: (text: string) => void lines.push(text) }, isTerminal);
    log.info({ key: 'a-long-secret-token' }, 'told');
    expect(lines.join('')).toMatch(expected);
  });
});
