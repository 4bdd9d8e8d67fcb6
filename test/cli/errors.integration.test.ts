import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { start, taustat } from './command.ts';

describe('--help', () => {
  it.each(['serve', 'demo', 'analyze', 'instrument', 'bench'])(
    'of %s shows options and examples',
    async (command) => {
      const { code, stdout } = await taustat(command, '--help');
      expect(code).toBe(0);
      expect(stdout).toMatch(/Usage: taustat/);
      expect(stdout).toMatch(/Examples:\n {2}\$ taustat/);
    },
  );

  it('and --version come from the package', async () => {
    expect((await taustat('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await taustat('--help')).stdout).toContain('serve');
  });
});

describe('what cannot be done is said in one line, with exit code 1 and no stack', () => {
  it.each([
    [['serve', '/nowhere/model.onnx'], /^taustat: FILE_NOT_FOUND: model file '\/nowhere\/model.onnx'/],
    [['serve', 'package.json'], /^taustat: MODEL_INVALID: not an ONNX model/],
    [['serve', '--config', '/nowhere.yaml'], /^taustat: FILE_NOT_FOUND: config file/],
    [['serve', '--mode', 'fixed'], /^taustat: CONFIG_INVALID: control.threshold/],
    [['serve', '--mode', 'fixed', '--threshold', '-1'], /^taustat: CONFIG_INVALID: control.threshold/],
    [['serve', '--agreement', '1.5'], /^taustat: CONFIG_INVALID: agreement.floor/],
    [['serve', '--host', '203.0.113.1', '--port', '0'], /^taustat: CONFIG_INVALID: cannot listen on/],
    [['analyze', '/nowhere/model.onnx', '--inputs', 'x.npy'], /^taustat: FILE_NOT_FOUND/],
    [['instrument', 'package.json', '-o', '/tmp/never.onnx'], /^taustat: MODEL_INVALID/],
  ])('%j', async (args, message) => {
    const { code, stderr } = await taustat(...args);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd()).not.toContain('\n');
    expect(code).toBe(1);
  });

  it('an unknown setting in the environment', async () => {
    const { code, stderr } = await start('dist/cli.js', ['serve'], { TAUSTAT_SAMPLING_RATE: '1' }).outcome;
    expect(stderr).toBe(
      'taustat: CONFIG_INVALID: environment variable TAUSTAT_SAMPLING_RATE names no setting\n',
    );
    expect(code).toBe(1);
  });

  it('a port that is in use', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const { code, stderr } = await taustat('serve', '--port', String(port));
    expect(stderr).toMatch(/^taustat: ADDRESS_IN_USE: 127\.0\.0\.1:\d+ is in use; choose another/);
    expect(code).toBe(1);
    other.close();
  });

  it('a word that is no option, a port that is no number', async () => {
    expect((await taustat('serve', '--bogus')).stderr).toMatch(/unknown option '--bogus'/);
    expect((await taustat('serve', '--port', 'abc')).stderr).toMatch(/'abc' is invalid. expected a number/);
  });
});
