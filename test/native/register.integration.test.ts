import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { compiler } from '../../native/toolchain.mjs';
import { model, node, tensor, value } from '../onnx/models.ts';
import { bytesOf } from './opened.ts';
import { registerProgram } from './registered.ts';

// A developer's machine may have no compiler for another one. Where CI is set it has to be there: then its absence fails.
const IS_CI = process.env.CI !== undefined;

it.skipIf(compiler() === undefined && !IS_CI)(
  'the library of operators serves programs that are not Node',
  () => {
    const program = registerProgram();
    const folder = mkdtempSync(join(tmpdir(), 'taustat-register-'));
    try {
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
      const input = { name: 'x', shape: [2, 3], values: Float32Array.of(1, 0, -1, 0, 0.5, 0) };
      const run = (kernels: string) =>
        program.run({ model: path, inputs: [input], output: 'y', env: { TAUSTAT_KERNELS: kernels } });
      for (const kernels of ['auto', 'portable']) expect(run(kernels)).toEqual([0, 0, 2, 1]);
      expect(() => run('abacus')).toThrow('TAUSTAT_KERNELS=abacus is not available here');
    } finally {
      program.remove();
      rmSync(folder, { recursive: true });
    }
  },
);
