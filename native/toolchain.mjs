/** Compiler, flags and sources: what the addon and the tests of the kernels are built with. */
import { execFile, execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
// @ts-expect-error It has no types.
import headers from 'node-api-headers';

const here = dirname(fileURLToPath(import.meta.url));
const run = promisify(execFile);

/** @typedef {{ readonly file: string, readonly flags: readonly string[] }} Source */

const COMMON = ['-std=c++17', '-fPIC', '-fvisibility=hidden', '-Wall', '-Wextra', '-Wno-maybe-uninitialized'];
/** Symbols of Node are weak, so that the file also loads where there is no Node, as a library of operators. */
const ADDON_FLAGS = [
  '-I',
  headers.include_dir,
  '-DNAPI_VERSION=8',
  '-DNAPI_EXTERN=__attribute__((visibility("default"),weak))',
];
/** What a library is linked with that Node or ONNX Runtime loads. */
export const SHARED =
  process.platform === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared'];
const AVX2 = ['-mavx2', '-mfma', '-mbmi2', '-mpopcnt'];
const AVX512 = ['-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mavx512vbmi2'];
/**
 * Instruction sets of the kernels per architecture, by folder; kernels/list.cc lists the same.
 *
 * @type {Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>}
 */
const KERNELS = {
  x64: { avx512: [...AVX512, ...AVX2], avx2: AVX2, portable: [] },
  arm64: { neon: [], portable: [] },
};

/** The first of the usual compilers that is there, or `CXX`. @returns {string | undefined} */
export function compiler() {
  const candidates = process.env.CXX === undefined ? ['c++', 'g++', 'clang++'] : [process.env.CXX];
  return candidates.find(runs);
}

/** Whether a command is there. @param {string} command */
export function runs(command) {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Every source of a folder of native/. @param {string} folder @returns {Source[]} */
export function sourcesIn(folder) {
  return readdirSync(join(here, folder))
    .filter((name) => name.endsWith('.cc'))
    .map((name) => ({ file: join(here, folder, name), flags: [] }));
}

/** The kernels, their list and the packs. @param {string} architecture @returns {Source[]} */
export function kernelSources(architecture) {
  const sets = Object.entries(KERNELS[architecture] ?? { portable: [] });
  return [
    ...sets.map(([name, flags]) => ({ file: join(here, 'kernels', name, 'kernels.cc'), flags })),
    ...sourcesIn('kernels'),
  ];
}

/** The operators, and the addon around them; with the kernels, all that `dist/native` has. @returns {Source[]} */
export function addonSources() {
  return [
    ...['ort', 'ops'].flatMap(sourcesIn),
    ...sourcesIn('addon').map(({ file }) => ({ file, flags: ADDON_FLAGS })),
  ];
}

/**
 * Compiles as many sources at once as there are processors.
 *
 * @param {string} cxx
 * @param {readonly Source[]} sources
 * @param {{ folder: string, flags: readonly string[] }} options - `folder` takes the objects.
 * @returns {Promise<string[]>} the objects.
 */
export async function compile(cxx, sources, { folder, flags }) {
  const queue = sources.map((source) => ({
    object: join(folder, `${relative(here, source.file).replaceAll(sep, '-')}.o`),
    args: [...COMMON, ...flags, ...source.flags, '-c', source.file],
  }));
  const objects = queue.map(({ object }) => object);
  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift())
      await run(cxx, [...next.args, '-o', next.object]);
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work));
  return objects;
}

/**
 * @param {string} cxx
 * @param {readonly string[]} objects
 * @param {string} target
 * @param {readonly string[]} flags - those of the objects, and what the target is.
 */
export async function link(cxx, objects, target, flags) {
  await run(cxx, [...objects, '-o', target, ...flags, '-ldl']);
}
