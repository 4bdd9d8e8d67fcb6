/**
 * Compiles the tests of the kernels and runs them: `npm run test:native`.
 *
 *   node native/test.mjs [--sanitize] [--operators] [--neon] [--shapes N] [--seed N]
 *
 *   --sanitize   with AddressSanitizer and UndefinedBehaviorSanitizer
 *   --operators  those of the operators, too, which run in Node (with GCC: its sanitizers are loaded before Node)
 *   --neon       for 64-bit ARM, under emulation (Debian: g++-aarch64-linux-gnu, qemu-user-static)
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { addonSources, compile, compiler, kernelSources, link, SHARED, sourcesIn } from './toolchain.mjs';

const { values: options } = parseArgs({
  options: {
    sanitize: { type: 'boolean', default: false },
    operators: { type: 'boolean', default: false },
    neon: { type: 'boolean', default: false },
    shapes: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
  },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const flags = options.sanitize
  ? ['-O1', '-g1', '-fsanitize=address,undefined', '-fno-sanitize-recover=undefined', '-Wno-uninitialized']
  : ['-O3'];

/** @param {string} program @param {readonly string[]} args @param {import('node:child_process').SpawnSyncOptions} [more] */
function run(program, args, more = {}) {
  const { status, error } = spawnSync(program, args, { stdio: 'inherit', ...more });
  if (error !== undefined) throw error;
  if (status !== 0) process.exitCode = status ?? 1;
}

/** @param {string} cxx @param {readonly string[]} kernels - objects. @param {string} folder */
async function testKernels(cxx, kernels, folder) {
  const target = join(folder, 'kernels-test');
  const tests = await compile(cxx, sourcesIn('test/kernels'), { folder, flags });
  await link(cxx, [...kernels, ...tests], target, [...flags, ...(options.neon ? ['-static'] : [])]);
  const command = options.neon ? ['qemu-aarch64-static', target] : [target];
  const [program = target, ...rest] = command;
  run(program, [...rest, options.shapes, options.seed]);
}

/** They have to be there before Node, which has none, loads the addon. @param {string} cxx */
function sanitizersOf(cxx) {
  const libraries = ['libasan.so', 'libubsan.so'].map((name) =>
    execFileSync(cxx, [`-print-file-name=${name}`], { encoding: 'utf8' }).trim(),
  );
  if (!libraries.every(isAbsolute)) throw new Error(`${cxx} has no libasan.so and libubsan.so: use g++`);
  // What Node keeps until its end is no leak of the operators.
  return { LD_PRELOAD: libraries.join(' '), ASAN_OPTIONS: 'detect_leaks=0' };
}

/** In a copy of sources and tests, which finds the addon that was compiled here. @param {string} cxx @param {readonly string[]} kernels @param {string} folder */
async function testOperators(cxx, kernels, folder) {
  const addon = join(folder, 'dist', 'native', `taustat-${process.platform}-${process.arch}.node`);
  mkdirSync(dirname(addon), { recursive: true });
  const objects = await compile(cxx, addonSources(), { folder, flags });
  await link(cxx, [...kernels, ...objects], addon, [...flags, ...SHARED]);
  for (const part of ['src', 'test', 'package.json', 'vitest.config.ts'])
    cpSync(join(root, part), join(folder, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const { VITEST: _, NODE_OPTIONS: __, ...env } = process.env;
  const args = ['run', '--project', 'integration', 'test/native/operators.integration.test.ts'];
  run(process.execPath, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), ...args], {
    cwd: folder,
    env: { ...env, ...(options.sanitize ? sanitizersOf(cxx) : {}) },
  });
}

const cxx = options.neon ? 'aarch64-linux-gnu-g++' : compiler();
if (cxx === undefined) throw new Error('no C++ compiler found');
const folder = mkdtempSync(join(tmpdir(), 'taustat-native-'));
try {
  const kernels = await compile(cxx, kernelSources(options.neon ? 'arm64' : process.arch), { folder, flags });
  await testKernels(cxx, kernels, folder);
  if (options.operators) await testOperators(cxx, kernels, folder);
} finally {
  rmSync(folder, { recursive: true });
}
