import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { smallCnn } from '../small-cnn.ts';
import { inProcess, start, taustat } from './command.ts';

const MODEL = smallCnn('model.onnx');

describe('--help', () => {
  it.each(['serve', 'demo', 'analyze', 'instrument', 'bench', 'replay', 'state'])(
    'of %s shows options and examples',
    async (command) => {
      const { code, stdout } = await inProcess(command, '--help');
      expect(code).toBe(0);
      expect(stdout).toMatch(/Usage: taustat/);
      expect(stdout).toMatch(/Examples:\n {2}\$ taustat/);
    },
  );

  it('and --version come from the package', async () => {
    expect(await taustat('--version')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
    expect((await inProcess('--help')).stdout).toContain('serve');
  });
});

describe('what cannot be done is said in one line, with exit code 2 or 1 and no stack', () => {
  it.each([
    [
      ['serve', '/nowhere/model.onnx', '--port', '0'],
      /^taustat: FILE_NOT_FOUND: model file '\/nowhere\/model.onnx'/,
    ],
    [['serve', 'package.json', '--port', '0'], /^taustat: MODEL_INVALID: not an ONNX model/],
    [['serve', '--config', '/nowhere.yaml'], /^taustat: FILE_NOT_FOUND: config file/],
    [['serve', '--mode', 'fixed'], /^taustat: CONFIG_INVALID: control.threshold/],
    [['serve', '--mode', 'fixed', '--threshold', '-1'], /^taustat: CONFIG_INVALID: flags: control.threshold/],
    [
      ['serve', '--threshold', '0.1'],
      /^taustat: CONFIG_INVALID: --threshold: only mode fixed takes one, not auto/,
    ],
    [['serve', '--mode', 'off', '--threshold', '0.1'], /^taustat: CONFIG_INVALID: --threshold/],
    [['serve', '--agreement', '1.5'], /^taustat: CONFIG_INVALID: flags: agreement.floor/],
    [['serve', '--bogus'], /^taustat: CONFIG_INVALID: unknown option '--bogus', see --help$/m],
    [['serve', '--prot', '1'], /unknown option '--prot' \(Did you mean --port\?\)/],
    [['serve', '--port', 'abc'], /^taustat: CONFIG_INVALID: .*'abc' is invalid. expected a number/],
    [['serve', '--port', '1.5'], /^taustat: CONFIG_INVALID: .*expected a whole number/],
    [['serve', '--port', '99999'], /^taustat: CONFIG_INVALID: flags: server.port/],
    [['serve', '--port'], /^taustat: CONFIG_INVALID: .*argument missing/],
    [['serve', '--mode', 'warm'], /^taustat: CONFIG_INVALID: .*auto, fixed, observe, off/],
    [['serve', '--mode', 'fixed', '--threshold', 'NaN'], /^taustat: CONFIG_INVALID: .*expected a number/],
    [['serve', '--token', 'short'], /^taustat: CONFIG_INVALID: flags: control.token/],
    [['serve', 'a.onnx', 'b.onnx'], /^taustat: CONFIG_INVALID: too many arguments/],
    [['sevre'], /^taustat: CONFIG_INVALID: unknown command 'sevre' \(Did you mean serve\?\)/],
    [['demo', '--seconds', '0'], /^taustat: CONFIG_INVALID: .*expected at least 1/],
    [['demo', '--port', '99999'], /^taustat: CONFIG_INVALID: server.port/],
    [['instrument', 'model.onnx'], /^taustat: CONFIG_INVALID: required option '-o, --output <file>'/],
    [['instrument', MODEL, '-o', '/nowhere/out.onnx'], /^taustat: FILE_NOT_FOUND: .*cannot be written/],
    [['instrument', MODEL, '-o', '/dev/null', '--threshold', '-1'], /^taustat: CONFIG_INVALID: /],
    [['serve', '--host', '203.0.113.1', '--port', '0'], /^taustat: CONFIG_INVALID: cannot listen on/],
    [
      ['serve', '--model-repository', '/nowhere', '--port', '0'],
      /^taustat: FILE_NOT_FOUND: model repository '\/nowhere': /,
    ],
    [
      ['serve', MODEL, '--model-repository', 'models'],
      /^taustat: CONFIG_INVALID: model\.repository: a model file /,
    ],
    [['analyze', '/nowhere/model.onnx', '--inputs', 'x.npy'], /^taustat: FILE_NOT_FOUND/],
    [
      ['instrument', MODEL, '-o', '/tmp/never', '--target', 'onnxruntime', '--name', 'x'],
      /^taustat: CONFIG_INVALID: --name: only with --target triton/,
    ],
    [
      ['instrument', MODEL, '-o', '/tmp/never', '--served-from', '/m'],
      /^taustat: CONFIG_INVALID: --served-from: only with --target/,
    ],
    [['instrument', MODEL, '-o', '/tmp/never', '--target', 'kserve'], /^taustat: CONFIG_INVALID: .*--target/],
    [
      ['instrument', MODEL, '-o', '/tmp/never', '--target', 'triton'],
      /^taustat: (CONFIG_INVALID: no threshold: give --threshold|UNAVAILABLE)/,
    ],
    [['instrument', 'package.json', '-o', '/tmp/never.onnx'], /^taustat: MODEL_INVALID/],
  ])('%j', async (args, message) => {
    const { code, stderr } = await inProcess(...args);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd()).not.toContain('\n');
    expect(code).toBe(stderr.includes('MODEL_INVALID') ? 1 : 2);
  });

  it('in a process of its own, too', async () => {
    const { code, stdout, stderr } = await taustat('serve', '--bogus');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toBe("taustat: CONFIG_INVALID: unknown option '--bogus', see --help\n");
  });

  it.each([
    [
      'sampling: {ration: 1}',
      /^taustat: CONFIG_INVALID: config file '.*': sampling: Unrecognized key: "ration"$/m,
    ],
    [
      readFileSync(new URL('../config/dropped-section.yaml', import.meta.url), 'utf8'),
      /server: found a list, .*; sampling: found text, .*; control: found a list, expected a mapping of settings$/m,
    ],
    ['a: [', /^taustat: CONFIG_INVALID: config file '.*'/],
  ])('a config file that holds %j', async (text, message) => {
    const folder = await mkdtemp(join(tmpdir(), 'taustat-'));
    const file = join(folder, 'taustat.yaml');
    await writeFile(file, text);
    const { code, stderr } = await inProcess('serve', '--config', file);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd()).not.toContain('\n');
    expect(code).toBe(2);
    await rm(folder, { recursive: true });
  });

  it('an unknown setting in the environment', async () => {
    vi.stubEnv('TAUSTAT_SAMPLING_RATE', '1');
    const { code, stderr } = await inProcess('serve');
    expect(stderr).toBe(
      'taustat: CONFIG_INVALID: environment variable TAUSTAT_SAMPLING_RATE names no setting\n',
    );
    expect(code).toBe(2);
  });

  it.each(['serve', 'demo'])('a port that is in use: %s', async (command) => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const { code, stderr } = await taustat(command, '--port', String(port));
    expect(stderr).toMatch(/^taustat: ADDRESS_IN_USE: 127\.0\.0\.1:\d+ is in use; choose another/);
    expect(code).toBe(1);
    other.close();
  });
});

describe('exit codes', () => {
  it.each([
    [[], 2],
    [['analyze', MODEL, '--inputs', 'package.json'], 1],
    [['replay'], 2],
    [['replay', '/nowhere.audit.jsonl'], 2],
    [['state', '--state-dir', '.', '--forget', 'none'], 1],
    [['bench', '--arms', 'none'], 2],
    [['bench', '--rounds', '0'], 2],
    [['demo', 'model.onnx'], 2],
  ])('%j: %i', async (args, expected) => {
    expect((await inProcess(...args)).code).toBe(expected);
  });
});

describe('an installation that lacks a file', () => {
  it('ends a server before it loads a model, with the reason', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'taustat-incomplete-'));
    await cp('dist', join(folder, 'dist'), { recursive: true });
    await mkdir(join(folder, 'console'));
    const shared = ['console/exposition.js', 'console/scale.js'];
    for (const name of ['node_modules', 'models', 'package.json', ...shared])
      await symlink(resolve(name), join(folder, name));
    const { code, stderr } = await start(join(folder, 'dist/cli.js'), ['serve', '--port', '0']).outcome;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^taustat: ENOENT: .*console\/index.html/);
    await rm(folder, { recursive: true });
  });
});
