import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/schema.ts';
import { fromEnvironment, loadConfig } from '../../src/config/sources.ts';

const folder = mkdtempSync(join(tmpdir(), 'taustat-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(text: string, name = 'taustat.yaml'): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('settings', () => {
  it('have a default each', () => {
    const config = parseConfig({});
    expect(config.control.mode).toBe('auto');
    expect(config.server.host).toBe('127.0.0.1');
  });

  it('come from the file, then the environment, then flags', () => {
    const path = file('sampling: {ratio: 0.1, budget: 0.2}\nmodel: {name: file}\nserver: {port: 1}\n');
    const environment = { TAUSTAT_SAMPLING_RATIO: '0.3', TAUSTAT_MODEL_NAME: 'environment', HOME: '/' };
    const config = loadConfig(path, environment, { model: { name: 'flag', path: undefined }, server: {} });
    expect(config.sampling).toMatchObject({ ratio: 0.3, budget: 0.2 });
    expect(config.model.name).toBe('flag');
    expect(config.server.port).toBe(1);
  });

  it('may be JSON, and an empty file', () => {
    expect(loadConfig(file('{"drift": {"runLength": 5000}}', 'a.json'), {}, {}).drift.runLength).toBe(5000);
    expect(loadConfig(file('', 'empty.yaml'), {}, {}).control.mode).toBe('auto');
  });

  it('keep text as text and read lists from the environment', () => {
    expect(
      fromEnvironment({
        TAUSTAT_MODEL_NAME: '123',
        TAUSTAT_SITES_INCLUDE: '["a*", b]',
        TAUSTAT_WINDOW_SLICE_SAMPLES: '8',
      }),
    ).toEqual({ model: { name: '123' }, sites: { include: ['a*', 'b'] }, window: { sliceSamples: 8 } });
  });

  it.each([
    [{ sampling: { ration: 1 } }, /sampling: Unrecognized key: "ration"/],
    [{ smapling: {} }, /Unrecognized key: "smapling"/],
    [{ sampling: { ratio: 2 } }, /sampling.ratio/],
    [{ server: { port: 70000 } }, /server.port/],
    [{ control: { mode: 'on' } }, /control.mode/],
    [{ control: { mode: 'fixed' } }, /control.threshold: mode fixed needs a threshold/],
    [{ control: { mode: 'fixed', threshold: Number.NaN } }, /control.threshold/],
    [{ control: { token: 'short' } }, /control.token/],
    [{ window: { slices: 2 } }, /window.slices/],
    [{ agreement: { floor: 1 } }, /agreement.floor/],
    [
      { model: { path: 'm.onnx', repository: 'models' } },
      /model.repository: a model file .*'m.onnx'.* choose one/,
    ],
    [{ model: { name: 'm', repository: 'models' } }, /model.repository: a name .*'m'.* choose one/],
    [{ model: { versions: 'newest' } }, /model.versions/],
    [{ server: { token: 'two words' } }, /server.token: expected printable ASCII/],
  ])('%j is refused by name', (input, message) => {
    expect(() => parseConfig(input)).toThrow(message);
    expect(() => parseConfig(input)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });

  it.each([
    ['a: [', /config file/],
    ['- 1', /expected a mapping/],
  ])('a file that holds %j is refused', (text, message) => {
    expect(() => loadConfig(file(text, 'bad.yaml'), {}, {})).toThrow(message);
  });

  it.each([
    ['server: [token]', 'server: found a list, expected a mapping of settings'],
    ['server:\n  - token: secret99', 'server: found a list, expected a mapping of settings'],
    ['control: off', 'control: found text, expected a mapping of settings'],
    ['drift: 3', 'drift: found a number, expected a mapping of settings'],
    ['%YAML 1.1\n---\nserver: !!omap [token: secret99]', 'server: found Map, expected a mapping of settings'],
    ['%YAML 1.1\n---\nserver: !!set {token}', 'server: found Set, expected a mapping of settings'],
    ['__proto__: {server: {token: secret99}}', 'Unrecognized key: "__proto__"'],
    ['server: {__proto__: {token: secret99}}', 'server: Unrecognized key: "__proto__"'],
    ['sites: {include: a}', 'sites.include: found text, expected a list'],
    ['server: {token: [secret99]}', 'server.token: found a list, expected text'],
    ['server: {token: }', 'server.token: found nothing, expected text'],
    ['text', 'found text, expected a mapping of settings'],
  ])('in a file that holds %j, what has no settings to merge is refused, not dropped', (text, message) => {
    const path = file(text, 'dropped.yaml');
    for (const flags of [{}, { server: { token: 'secret-of-flags' }, sites: { include: ['b'] } }])
      expect(() => loadConfig(path, { TAUSTAT_CONTROL_MODE: 'auto' }, flags)).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID', message: `config file '${path}': ${message}` }),
      );
  });

  it('of the environment and of flags are checked before anything is merged too', () => {
    expect(() => loadConfig(undefined, { TAUSTAT_SITES_INCLUDE: '{a: b}' }, {})).toThrow(
      'environment variable TAUSTAT_SITES_INCLUDE: sites.include: found a mapping, expected a list',
    );
    expect(() => loadConfig(undefined, {}, { server: ['token'] } as never)).toThrow(
      'flags: server: found a list, expected a mapping of settings',
    );
    expect(() => parseConfig({ server: new Map([['token', 'secret99']]) })).toThrow('server: found Map');
  });

  it('an empty address is none: it would be every address of the machine', () => {
    expect(() => loadConfig(undefined, { TAUSTAT_SERVER_HOST: '' }, {})).toThrow(/server\.host/);
  });

  it('a section whose settings are all commented out sets nothing', () => {
    expect(loadConfig(file('server:\n  # port: 1\ndrift:\n'), {}, {}).server.port).toBe(8080);
  });

  it('an environment variable that cannot be read is refused in one line, by name', () => {
    expect(() => fromEnvironment({ TAUSTAT_SITES_INCLUDE: '[a' })).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: expect.stringMatching(/^environment variable TAUSTAT_SITES_INCLUDE: .*$/),
      }),
    );
    expect(() => loadConfig(file('a: [', 'bad.yaml'), {}, {})).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('\n') }),
    );
    expect(() => loadConfig(undefined, { TAUSTAT_SERVER_PORT: '' }, {})).toThrow(/server.port/);
    expect(() => loadConfig(undefined, { TAUSTAT_SERVER_PORT: 'http' }, {})).toThrow(/server.port/);
  });

  it.each([
    'control: {token: *secret99}',
    'control: {token: "secret99}',
    '- secret99\nx: secret99',
    '%secret99\n---\n}secret99',
  ])('a file that holds a token and is broken (%j) is refused without telling it', (text) => {
    expect(() => loadConfig(file(text, 'bad.yaml'), {}, {})).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.not.stringContaining('secret99') }),
    );
  });

  it('a token that is refused is not told', () => {
    for (const token of ['s3cr3t', 's3cr3t s3cr3t', 12345678]) {
      const message = expect.not.stringMatching(/s3cr3t|12345678/);
      for (const input of [{ server: { token } }, { control: { token } }])
        expect(() => parseConfig(input)).toThrow(
          expect.objectContaining({ code: 'CONFIG_INVALID', message }),
        );
    }
  });

  it('a file that is missing is another error', () => {
    expect(() => loadConfig('/nowhere.yaml', {}, {})).toThrow(
      expect.objectContaining({ code: 'FILE_NOT_FOUND' }),
    );
  });

  it('says every mistake at once', () => {
    expect(() => parseConfig({ sampling: { ratio: 2 }, server: { drainSeconds: 1e9 } })).toThrow(
      /server\.drainSeconds: .*; sampling\.ratio: /,
    );
  });

  it('an environment variable that names no setting is refused', () => {
    expect(() => fromEnvironment({ TAUSTAT_SAMPLING: '1' })).toThrow('TAUSTAT_SAMPLING names no setting');
  });
});
