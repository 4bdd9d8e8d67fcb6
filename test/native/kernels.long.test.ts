import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { compiler, runs } from '../../native/toolchain.mjs';

const SCRIPT = fileURLToPath(new URL('../../native/test.mjs', import.meta.url));
// A developer's machine may have no compiler for another one. Where CI is set it has to be there: then its absence fails.
const IS_CI = process.env.CI !== undefined;
const HAS_ARM = runs('aarch64-linux-gnu-g++') && runs('qemu-aarch64-static');

function testKernels(...options: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, ...options], {
    encoding: 'utf8',
  });
  return { status, output: stdout + stderr };
}

it.skipIf(compiler() === undefined && !IS_CI)(
  'every kernel equals the plain sums, and every operator what it stands for, without a word from a sanitizer',
  () => {
    const { status, output } = testKernels('--sanitize', '--operators', '--shapes', '60');
    expect(output).not.toMatch(/FAILED|ERROR|runtime error/);
    expect(output).toContain('portable: 60 shapes');
    expect(output).toMatch(/operators\.integration\.test\.ts.* tests/);
    expect(status).toBe(0);
  },
);

it.skipIf(!HAS_ARM && !IS_CI)('so do those for ARM, under emulation', () => {
  const { status, output } = testKernels('--neon', '--shapes', '30');
  expect(output).not.toContain('FAILED');
  expect(output).toContain('neon: 30 shapes');
  expect(status).toBe(0);
});
