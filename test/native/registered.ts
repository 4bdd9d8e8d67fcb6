import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compiler } from '../../native/toolchain.mjs';
import { loadNative } from '../../src/runtime/local/native/load.ts';
import type { FloatTensor } from './opened.ts';

const NATIVE = fileURLToPath(new URL('../../native/', import.meta.url));

export interface RegisteredRun {
  readonly model: string;
  /** The library of operators; by default the one that was built. */
  readonly library?: string;
  readonly inputs: readonly FloatTensor[];
  readonly output: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A program that runs models as others do: ONNX Runtime, a library of operators, no Node. */
export interface RegisterProgram {
  /** @returns the elements of the output. @throws Error with what the program printed, where it failed. */
  run(options: RegisteredRun): readonly number[];
  remove(): void;
}

/** Compiles the program. @throws Error without kernels or where it does not compile. */
export function registerProgram(): RegisterProgram {
  const load = loadNative();
  if (load.kind === 'unavailable') throw new Error(load.reason);
  const folder = mkdtempSync(join(tmpdir(), 'taustat-register-'));
  const program = join(folder, 'register-test');
  const sources = ['test/register/register-test.cc', 'ort/api.cc'].map((file) => join(NATIVE, file));
  const args = ['-std=c++17', ...sources, '-o', program, '-ldl'];
  const built = spawnSync(compiler() ?? 'c++', args, { encoding: 'utf8' });
  if (built.status !== 0 || built.stderr !== '') throw new Error(built.stderr);
  return {
    run({ model, library = load.binaryPath, inputs, output, env = {} }) {
      const { status, stdout, stderr } = spawnSync(
        program,
        [load.libraryPath, library, model, output, ...inputs.map(({ name }) => name)],
        {
          input: inputs.flatMap(({ shape, values }) => [shape.length, ...shape, ...values]).join(' '),
          encoding: 'utf8',
          env: { ...process.env, ...env },
        },
      );
      if (status !== 0) throw new Error(`${stdout}${stderr}`);
      return stdout.trim().split(' ').map(Number);
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}
