// What `npm pack` makes of this tree runs with kernels where there is no compiler: the file for this platform is in it.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { entryOf } from '../bench/zoo/entries.mjs';
import { loadNative } from '../src/runtime/local/native/load.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BINARY = `taustat-${process.platform}-${process.arch}.node`;
const hasKernels = loadNative().kind === 'loaded';

describe.skipIf(!hasKernels && process.env.CI === undefined)('the package', () => {
  let folder: string;
  let unpacked: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'taustat-package-'));
    unpacked = join(folder, 'package');
    mkdirSync(join(folder, 'empty'));
    // Its script would build dist/ again, which other tests run from.
    execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], {
      cwd: ROOT,
      stdio: 'ignore',
    });
    const [archive] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
    execFileSync('tar', ['-xzf', archive!], { cwd: folder });
    symlinkSync(join(ROOT, 'node_modules'), join(unpacked, 'node_modules'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Node in the unpacked package, with no other command within reach. */
  const run = (...args: string[]) => runWith({}, ...args);
  const runWith = (env: Readonly<Record<string, string>>, ...args: string[]) =>
    spawnSync(process.execPath, args, {
      cwd: unpacked,
      encoding: 'utf8',
      env: { PATH: join(folder, 'empty'), HOME: folder, ...env },
    });

  it('carries the kernels of the platform that packs it, and finds them', () => {
    expect(readdirSync(join(unpacked, 'dist', 'native'))).toContain(BINARY);
    const model = join(ROOT, entryOf('optical-digits-mlp').model);
    const flags = ['--threshold', '0.1', '--batch', '1', '--json', '-'];
    const { stdout, stderr } = run('dist/cli.js', 'doctor', model, ...flags);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout).kernels).toMatch(/^(avx512|avx2|neon|portable)$/);
  });

  it('keeps them where there is no compiler, says what is missing without them, and stays dense', () => {
    const binary = join(unpacked, 'dist', 'native', BINARY);
    const before = readFileSync(binary);
    expect(run('native/build.mjs').stdout).toBe('');
    const broken = join(folder, 'broken');
    writeFileSync(broken, '#!/bin/sh\n[ "$1" = --version ]\n', { mode: 0o755 });
    expect(runWith({ CXX: broken }, 'native/build.mjs').stdout).toContain('so the file that is there stays');
    expect(readFileSync(binary).equals(before)).toBe(true);
    rmSync(binary);
    expect(run('native/build.mjs').stdout).toContain('native: no C++ compiler found, so models run dense');
    const lines = [
      "const { findKernels } = await import('./dist/runtime/local/kernels.js');",
      "console.log((await findKernels('auto')).reason);",
    ];
    expect(run('--input-type=module', '-e', lines.join('\n')).stdout).toMatch(
      /^no kernels for \S+ were built: node native\/build\.mjs in the folder of taustat/,
    );
  });

  it('shares one copy of the OpenTelemetry API with an SDK that is installed beside it', () => {
    const project = join(folder, 'project');
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), '{"name":"project","private":true}');
    const [archive] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
    const flags = ['--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund'];
    const beside = ['@opentelemetry/sdk-trace-node@2', '@opentelemetry/auto-instrumentations-node'];
    execFileSync('npm', ['install', ...flags, join(folder, archive!), ...beside], {
      cwd: project,
      stdio: 'ignore',
    });
    const lock = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8'));
    const copies = Object.keys(lock.packages).filter((path) =>
      path.endsWith('node_modules/@opentelemetry/api'),
    );
    expect(copies).toHaveLength(1);
  });
});
