import { describe, expect, it } from 'vitest';
import { workerFlags } from '../../src/config/worker-flags.ts';

describe('flags of a worker thread', () => {
  it.each([
    [[], []],
    [['--max-old-space-size=100', '--input-type=module', '-e', 'code'], ['--max-old-space-size=100']],
    [['--eval=code', '--no-warnings'], ['--no-warnings']],
    [['--input-type', 'module', '--print', 'code', '--enable-source-maps'], ['--enable-source-maps']],
    [
      ['--experimental-vm-modules', '--env-file=.e'],
      ['--experimental-vm-modules', '--env-file=.e'],
    ],
  ])('of %j are %j', (given, expected) => {
    expect(workerFlags(given)).toEqual(expected);
  });
});
