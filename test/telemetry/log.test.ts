import { describe, expect, it } from 'vitest';
import { ServingError } from '../../src/config/errors.ts';
import { parseConfig } from '../../src/config/schema.ts';
import { createLog } from '../../src/telemetry/log.ts';

const DATA = 'data-"quoted"\\secret';
const CONTROL = 'control-secret';

function logged(write: (log: ReturnType<typeof createLog>) => void): string {
  const config = parseConfig({ server: { token: DATA }, control: { token: CONTROL } });
  const lines: string[] = [];
  write(createLog(config, { write: (line) => void lines.push(line) }));
  return lines.join('');
}

describe('a token', () => {
  it.each([
    ['a message', CONTROL, (log: ReturnType<typeof createLog>) => log.info(`got Bearer ${CONTROL}, sorry`)],
    ['a field', DATA, (log: ReturnType<typeof createLog>) => log.info({ token: DATA }, 'a field')],
    [
      'a deep field',
      DATA,
      (log: ReturnType<typeof createLog>) => log.warn({ a: [{ b: { c: `x${DATA}x` } }] }, 'deep'),
    ],
    [
      'the whole configuration',
      CONTROL,
      (log: ReturnType<typeof createLog>) =>
        log.info(
          { config: parseConfig({ server: { token: DATA }, control: { token: CONTROL } }) },
          'configuration',
        ),
    ],
    [
      'an error and its cause',
      CONTROL,
      (log: ReturnType<typeof createLog>) =>
        log.error(
          { error: new ServingError('INTERNAL', `x ${CONTROL}`, { cause: new Error(CONTROL) }) },
          'failed',
        ),
    ],
  ])('in %s is not written', (_where, token, write) => {
    const text = logged(write);
    expect(text).toContain('[token]');
    expect(text).not.toContain(token);
    expect(text).not.toContain(JSON.stringify(token).slice(1, -1));
    expect(() => JSON.parse(text)).not.toThrow();
  });
});

it('an error is written with its message and its stack', () => {
  const text = logged((log) => log.error({ error: new RangeError('too far') }, 'failed'));
  expect(JSON.parse(text).error).toMatchObject({
    type: 'RangeError',
    message: 'too far',
    stack: expect.any(String),
  });
});
