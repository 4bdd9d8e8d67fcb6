/**
 * Compiles the tests of the kernels and runs them: `npm run test:native`.
 *
 *   node native/test.mjs [--sanitize] [--neon] [--shapes N] [--seed N]
 *
 *   --sanitize  with AddressSanitizer and UndefinedBehaviorSanitizer
 *   --neon      for 64-bit ARM, under emulation (Debian: g++-aarch64-linux-gnu, qemu-user-static)
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compile, compiler, kernelSources, sourcesIn } from './toolchain.mjs';

const { values: options } = parseArgs({
  options: {
    sanitize: { type: 'boolean', default: false },
    neon: { type: 'boolean', default: false },
    shapes: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
  },
});

const cxx = options.neon ? 'aarch64-linux-gnu-g++' : compiler();
if (cxx === undefined) throw new Error('no C++ compiler found');
const folder = mkdtempSync(join(tmpdir(), 'taustat-native-'));
try {
  const target = join(folder, 'kernels-test');
  const sources = [...kernelSources(options.neon ? 'arm64' : process.arch), ...sourcesIn('test/kernels')];
  const flags = options.sanitize
    ? ['-O1', '-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=undefined', '-Wno-uninitialized']
    : ['-O3'];
  await compile(cxx, sources, { folder, target, flags, link: options.neon ? ['-static'] : [] });
  const command = options.neon ? ['qemu-aarch64-static', target] : [target];
  const [program = target, ...rest] = command;
  const { status, error } = spawnSync(program, [...rest, options.shapes, options.seed], { stdio: 'inherit' });
  if (error !== undefined) throw error;
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true });
}
