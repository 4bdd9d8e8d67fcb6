// The order of the folders of src/: what a file may import, type imports included.
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

/** A folder, or a file beside the folders, imports only from itself and from those after it; the console's page has modules that commands share. */
const LAYERS = [
  'index.ts',
  'cli.ts',
  'cli',
  'tools',
  'compose.ts',
  'taustat.ts',
  'transport',
  'models',
  'loop',
  'store',
  'runtime',
  'sparse',
  'control',
  'criticality',
  'drift',
  'estimator',
  'onnx',
  'telemetry',
  'plane',
  'protocol',
  'config',
  '../console',
];

/** Imports that go up, each with the reason why it is still there. One that is gone is taken off this list. */
const EXCEPTIONS: readonly string[] = [];

interface Import {
  readonly from: string;
  readonly to: string;
}

const SOURCE = new URL('../src/', import.meta.url);
const FILES = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts'));
const IMPORTS = FILES.flatMap((from) => importsOf(from, readFileSync(new URL(from, SOURCE), 'utf8')));

describe('the folders of src/', () => {
  it('all have a place in the order of the layers', () => {
    expect([...new Set(FILES.map(layerOf))].filter((layer) => !LAYERS.includes(layer))).toEqual([]);
  });

  it('import only from those after them', () => {
    const upward = IMPORTS.filter(isUpward).map(({ from, to }) => `${from} imports ${to}`);
    const rule = ({ from, to }: Import) => `'${layerOf(from)}' comes after '${layerOf(to)}' in LAYERS`;
    const broken = IMPORTS.filter(
      (one) => isUpward(one) && !EXCEPTIONS.includes(`${one.from} imports ${one.to}`),
    );
    expect(broken.map((one) => `${one.from} imports ${one.to}: ${rule(one)}`)).toEqual([]);
    expect(EXCEPTIONS.filter((one) => !upward.includes(one))).toEqual([]);
  });

  it('hold no circle of files', () => {
    expect(circlesIn(IMPORTS)).toEqual([]);
  });

  const parents = [...new Set(FILES.filter((file) => subfolderOf(file) !== undefined).map(layerOf))];
  it.each(parents)('hold no circle of sub-folders: %s', (parent) => {
    expect(circlesIn(subfolderImports(parent))).toEqual([]);
  });
});

describe('what holds the order', () => {
  it.each([
    ["import { a } from './a.ts';", 'x/a.ts'],
    ["import type { A } from '../y/a.ts';", 'y/a.ts'],
    ["export type { A } from '../y/a.ts';", 'y/a.ts'],
    ["type A = import('../y/a.ts').A;", 'y/a.ts'],
    ["const a = await import('../a.ts');", 'a.ts'],
  ])('sees %s', (text, to) => {
    expect(importsOf('x/from.ts', text)).toEqual([{ from: 'x/from.ts', to }]);
  });

  it('names a circle from file to file', () => {
    const imports = [
      { from: 'a', to: 'b' },
      { from: 'b', to: 'c' },
      { from: 'c', to: 'b' },
    ];
    expect(circlesIn(imports)).toEqual(['b → c → b']);
    expect(circlesIn(imports.slice(0, 2))).toEqual([]);
  });
});

/** Imports of the project's own files, from the scanner of TypeScript. */
function importsOf(from: string, text: string): Import[] {
  return ts
    .preProcessFile(text)
    .importedFiles.map(({ fileName }) => fileName)
    .filter((name) => name.startsWith('.'))
    .map((name) => ({ from, to: posix.join(posix.dirname(from), name) }));
}

/** The first folder of a path; of a file beside the folders, the file. */
function layerOf(file: string): string {
  return /^(\.\.\/)*[^/]+/.exec(file)?.[0] ?? file;
}

function isUpward({ from, to }: Import): boolean {
  return LAYERS.indexOf(layerOf(to)) < LAYERS.indexOf(layerOf(from));
}

function subfolderOf(file: string): string | undefined {
  const [layer, folder, name] = file.split('/');
  return name === undefined ? undefined : `${layer}/${folder}`;
}

/** Imports from one sub-folder of a folder to another; files beside them don't count. */
function subfolderImports(parent: string): Import[] {
  return IMPORTS.flatMap(({ from, to }) => {
    const [a, b] = [subfolderOf(from), subfolderOf(to)];
    const isInside = layerOf(from) === parent && layerOf(to) === parent;
    return isInside && a !== undefined && b !== undefined && a !== b ? [{ from: a, to: b }] : [];
  });
}

/** Circles that a walk in depth closes, each as 'a → b → a'; none is found only where there is none. O(imports). */
function circlesIn(imports: readonly Import[]): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to } of imports) next.set(from, [...(next.get(from) ?? []), to]);
  const finished = new Set<string>();
  const path: string[] = [];
  const circles: string[] = [];
  const visit = (node: string): void => {
    if (finished.has(node)) return;
    const at = path.indexOf(node);
    if (at >= 0) {
      circles.push([...path.slice(at), node].join(' → '));
      return;
    }
    path.push(node);
    for (const to of next.get(node) ?? []) visit(to);
    path.pop();
    finished.add(node);
  };
  for (const node of next.keys()) visit(node);
  return circles;
}
