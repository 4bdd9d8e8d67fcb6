import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type FoundFile,
  filesFingerprint,
  isVersion,
  type ModelFolder,
  readLayout,
} from '../../../src/models/repository/layout.ts';

const file = (path: string, over: Partial<FoundFile> = {}): FoundFile => ({
  path,
  sizeBytes: 3,
  modifiedMs: 10,
  changedMs: 20,
  ...over,
});
const folder = (
  name: string,
  versions: Record<string, readonly FoundFile[]>,
  files: string[] = [],
): ModelFolder => ({
  name,
  files,
  folders: Object.entries(versions).map(([version, below]) => ({ name: version, files: below })),
});
const MODEL = [file('model.onnx')];

describe('what is a model', () => {
  it.each([
    ['a file', MODEL, '/r/m/1/model.onnx'],
    ['a file and its weights', [...MODEL, file('weights.bin')], '/r/m/1/model.onnx'],
    [
      'a folder of that name',
      [file('model.onnx/model.onnx'), file('model.onnx/w.bin')],
      '/r/m/1/model.onnx/model.onnx',
    ],
  ])('%s in a folder named by a version', (_what, files, path) => {
    const { models, refusals } = readLayout('/r', [folder('m', { 1: files })]);
    expect(refusals).toEqual([]);
    expect(models).toMatchObject([{ name: 'm', versions: [{ version: '1', path }], hasTritonConfig: false }]);
  });

  it('has its versions newest first, as numbers', () => {
    const { models } = readLayout('/r', [
      folder('m', { 9: MODEL, 10: MODEL, 2: MODEL, '9223372036854775807': MODEL }),
    ]);
    expect(models[0]!.versions.map(({ version }) => version)).toEqual([
      '9223372036854775807',
      '10',
      '9',
      '2',
    ]);
  });

  it('says that there is a configuration for Triton', () => {
    expect(readLayout('/r', [folder('m', { 1: MODEL }, ['config.pbtxt'])]).models[0]!.hasTritonConfig).toBe(
      true,
    );
  });

  it('is nothing in a folder whose name starts with a dot', () => {
    expect(readLayout('/r', [folder('..data', { 1: MODEL }), folder('.git', {})])).toEqual({
      models: [],
      refusals: [],
      unreadable: new Map(),
    });
  });
});

describe('what is no model', () => {
  it.each([
    ['no folder at all', {}, undefined, /holds no folder named by a version/],
    ['words for versions', { latest: MODEL }, undefined, /holds no folder named by a version/],
    ['leading zeros', { '01': MODEL, 0: MODEL }, undefined, /holds no folder named by a version/],
    ['a version without a model', { 1: [file('model.plan')] }, '1', /holds no model\.onnx/],
    ['a version beyond int64', { '9223372036854775808': MODEL }, undefined, /holds no folder named/],
  ])('%s: refused with the reason', (_what, versions, version, reason) => {
    const { models, refusals } = readLayout('/r', [folder('m', versions)]);
    expect(models).toEqual([]);
    expect(refusals).toEqual([
      { name: 'm', ...(version === undefined ? {} : { version }), reason: expect.stringMatching(reason) },
    ]);
  });

  it.each(['a/b', 'a\\b', 'a\nb', '\u0000'])('a name such as %j', (name) => {
    expect(readLayout('/r', [folder(name, { 1: MODEL })])).toMatchObject({
      models: [],
      refusals: [{ name, reason: expect.stringMatching(/must not hold/) }],
    });
  });

  it('a version that is being copied leaves the others to be served', () => {
    const { models, refusals } = readLayout('/r', [folder('m', { 1: MODEL, 2: [] })]);
    expect(models[0]!.versions.map(({ version }) => version)).toEqual(['1']);
    expect(refusals).toEqual([{ name: 'm', version: '2', reason: 'holds no model.onnx' }]);
  });
});

describe('laws', () => {
  it('every folder is a model, a refusal or a dot, and nothing throws', () => {
    const files = fc.array(
      fc.constantFrom('model.onnx', 'model.onnx/model.onnx', 'x').map((path) => file(path)),
    );
    const versions = fc.dictionary(fc.oneof(fc.string(), fc.integer().map(String)), files);
    fc.assert(
      fc.property(fc.string(), versions, (name, below) => {
        const { models, refusals } = readLayout('/r', [folder(name, below)]);
        const isNamed = [...models, ...refusals].some((found) => found.name === name);
        expect(isNamed).toBe(!name.startsWith('.'));
        for (const { version } of models.flatMap((model) => model.versions))
          expect(isVersion(version)).toBe(true);
      }),
    );
  });

  it('the fingerprint changes with any file’s name, size or times, and not with their order', () => {
    const print = (...files: FoundFile[]) =>
      filesFingerprint(readLayout('/r', [folder('m', { 1: files })]).models[0]!);
    const [a, b] = [file('model.onnx'), file('w')];
    expect(print(b, a)).toBe(print(a, b));
    const others = [
      print(a),
      print(a, file('v')),
      print(a, { ...b, sizeBytes: 4 }),
      print(a, { ...b, modifiedMs: 11 }),
      print(a, { ...b, changedMs: 21 }),
    ];
    expect(new Set([print(a, b), ...others]).size).toBe(6);
  });
});
