/**
 * Compiles the kernels, operators and the addon into `dist/native/taustat-<platform>-<arch>.node`.
 *
 * Nothing is done if no source has changed since. Without a compiler it says so in one line: taustat then runs dense.
 *
 *   node native/build.mjs [--force]
 */
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
// @ts-expect-error It has no types.
import headers from 'node-api-headers';

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, '..', 'dist', 'native', `taustat-${process.platform}-${process.arch}.node`);

const COMMON = [
  '-std=c++17',
  '-O3',
  '-fPIC',
  '-fvisibility=hidden',
  '-Wall',
  '-Wextra',
  '-Wno-maybe-uninitialized',
];
/**
 * Instruction sets of the kernels, by folder, per architecture.
 *
 * @type {Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>}
 */
const KERNELS = {
  x64: {
    avx512: [
      '-mavx512f',
      '-mavx512bw',
      '-mavx512dq',
      '-mavx512vl',
      '-mavx512vbmi2',
      '-mavx2',
      '-mfma',
      '-mbmi2',
      '-mpopcnt',
    ],
    avx2: ['-mavx2', '-mfma', '-mbmi2', '-mpopcnt'],
    portable: [],
  },
  arm64: { neon: [], portable: [] },
};

/** Sources with the flags that only they get. */
function sources() {
  const kernels = KERNELS[process.arch] ?? { portable: [] };
  /** @param {string} folder */
  const of = (folder) =>
    readdirSync(join(here, folder))
      .filter((name) => name.endsWith('.cc'))
      .map((name) => join(here, folder, name));
  return [
    ...Object.entries(kernels).map(([name, flags]) => ({
      file: join(here, 'kernels', name, 'kernels.cc'),
      flags,
    })),
    ...['kernels', 'ort', 'ops'].flatMap(of).map((file) => ({ file, flags: [] })),
    ...of('addon').map((file) => ({ file, flags: addonFlags() })),
  ];
}

/** Symbols of Node are weak, so that the file also loads where there is no Node, as a library of operators. */
function addonFlags() {
  return [
    '-I',
    headers.include_dir,
    '-DNAPI_VERSION=8',
    '-DNAPI_EXTERN=__attribute__((visibility("default"),weak))',
  ];
}

function compiler() {
  const candidates = process.env.CXX === undefined ? ['c++', 'g++', 'clang++'] : [process.env.CXX];
  return candidates.find((name) => {
    try {
      execFileSync(name, ['--version'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Changes with every source, header and flag, and with the compiler.
 *
 * @param {string} cxx
 */
function fingerprint(cxx) {
  const hash = createHash('sha256');
  /** @param {string} folder */
  const add = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) add(path);
      else if (/\.(cc|h|mjs)$/.test(entry.name)) hash.update(entry.name).update(readFileSync(path));
    }
  };
  add(here);
  return hash.update(execFileSync(cxx, ['--version'])).digest('hex');
}

/** @param {string} cxx */
async function compile(cxx) {
  const folder = mkdtempSync(join(tmpdir(), 'taustat-native-'));
  try {
    const queue = sources().map(({ file, flags }, index) => ({
      object: join(folder, `${index}-${basename(file)}.o`),
      args: [...COMMON, ...flags, '-c', file],
    }));
    const objects = queue.map(({ object }) => object);
    const run = promisify(execFile);
    const work = async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift())
        await run(cxx, [...next.args, '-o', next.object]);
    };
    await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work));
    const shared = process.platform === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared'];
    mkdirSync(dirname(target), { recursive: true });
    // A process that has the old file open keeps it.
    const made = `${target}.${process.pid}`;
    await run(cxx, [...shared, ...objects, '-o', made, '-ldl', '-s']);
    renameSync(made, target);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const cxx = process.platform === 'win32' ? undefined : compiler();
if (cxx === undefined) {
  console.log(
    'native: no C++ compiler found, so models run dense; install one (Debian: apt-get install g++) and build again',
  );
} else {
  const mark = `${target}.sha256`;
  const print = fingerprint(cxx);
  const isFresh = existsSync(target) && existsSync(mark) && readFileSync(mark, 'utf8') === print;
  if (!isFresh || process.argv.includes('--force')) {
    const begun = performance.now();
    try {
      await compile(cxx);
      writeFileSync(mark, print);
      console.log(`native: compiled with ${cxx} in ${((performance.now() - begun) / 1000).toFixed(0)} s`);
    } catch (error) {
      rmSync(target, { force: true });
      const { stderr, message } = /** @type {{ stderr?: string, message: string }} */ (error);
      const why = (stderr ?? message).split('\n').slice(0, 8).join('\n');
      console.log(`native: ${cxx} failed, so models run dense: ${why}`);
    }
  }
}
