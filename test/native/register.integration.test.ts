import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { compiler } from '../../native/toolchain.mjs';
import { loadNative } from '../../src/runtime/local/native/load.ts';
import { model, node, tensor, value } from '../onnx/models.ts';
import { bytesOf } from './opened.ts';

const NATIVE = fileURLToPath(new URL('../../native/', import.meta.url));
// A developer's machine may have no compiler for another one. Where CI is set it has to be there: then its absence fails.
const IS_CI = process.env.CI !== undefined;

it.skipIf(compiler() === undefined && !IS_CI)(
  'the library of operators serves programs that are not Node',
  () => {
    const load = loadNative();
    if (load.kind === 'unavailable') throw new Error(load.reason);
    const folder = mkdtempSync(join(tmpdir(), 'taustat-register-'));
    try {
      const program = join(folder, 'register-test');
      const sources = ['test/register/register-test.cc', 'ort/api.cc'].map((file) => join(NATIVE, file));
      const built = spawnSync(compiler() ?? 'c++', ['-std=c++17', ...sources, '-o', program, '-ldl'], {
        encoding: 'utf8',
      });
      expect(built.stderr).toBe('');
      const graph = model(
        {
          nodes: [
            node('SparseMatMul', ['x', 'w', 'b'], 'y', { activation: 'relu' }, { domain: 'ai.taustat' }),
          ],
          inputs: [value('x', ['n', 3])],
          outputs: [value('y')],
          initializers: [tensor('w', [3, 2], [1, 2, 3, 4, 5, 6]), tensor('b', [2], [0.5, -1])],
        },
        17,
        ['ai.taustat'],
      );
      const path = join(folder, 'model.onnx');
      writeFileSync(path, bytesOf(graph));
      const run = (kernels: string) =>
        spawnSync(program, [load.libraryPath, load.binaryPath, path], {
          input: '2 3  1 0 -1  0 0.5 0',
          encoding: 'utf8',
          env: { ...process.env, TAUSTAT_KERNELS: kernels },
        });
      for (const kernels of ['auto', 'portable']) {
        expect(run(kernels).stdout.trim().split(' ').map(Number)).toEqual([0, 0, 2, 1]);
      }
      const refused = run('abacus');
      expect(refused.stdout).toContain('TAUSTAT_KERNELS=abacus is not available here');
      expect(refused.status).toBe(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
