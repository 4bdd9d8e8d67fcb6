import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import { run } from '../../src/cli/program.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Where every server that is started keeps its state, unless told otherwise: afresh each time. */
const freshStateFolder = () => mkdtempSync(join(tmpdir(), 'taustat-state-'));

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly outcome: Promise<Outcome>;
  /** What it has said so far. */
  readonly stdout: () => string;
  /** Resolves with what was captured once stdout matches. */
  readonly saying: (pattern: RegExp) => Promise<string>;
}

/** Starts a script of this package, built, in its own process. @param as - another user, where the tests run as root. */
export function start(
  script: string,
  args: readonly string[],
  env: Record<string, string> = {},
  as: { readonly uid?: number; readonly gid?: number } = {},
): Running {
  const child = spawn(process.execPath, [script, ...args], {
    ...as,
    cwd: ROOT,
    env: { ...process.env, XDG_STATE_HOME: freshStateFolder(), ...env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const outcome = new Promise<Outcome>((resolve) => {
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
  const saying = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const found = pattern.exec(stdout);
        if (found !== null) resolve(found[1] ?? found[0]);
      };
      child.stdout.on('data', look);
      child.on('close', () => reject(new Error(`ended without ${pattern}: ${stderr}`)));
      look();
    });
  return { child, outcome, saying, stdout: () => stdout };
}

export function taustat(...args: string[]): Promise<Outcome> {
  return start('dist/cli.js', args).outcome;
}

/** The same in the process of the test, for what ends before it has started a worker: a process costs half a second. */
export async function inProcess(...args: string[]): Promise<Outcome> {
  const written = { stdout: '', stderr: '' };
  const capture = (name: 'stdout' | 'stderr') =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      written[name] += chunk.toString();
      return true;
    });
  const captures = [capture('stdout'), capture('stderr')];
  const codeBefore = process.exitCode;
  process.exitCode = undefined;
  vi.stubEnv('XDG_STATE_HOME', freshStateFolder());
  try {
    const code = await run(args);
    return { code: code === 0 ? Number(process.exitCode ?? 0) : code, ...written };
  } finally {
    process.exitCode = codeBefore;
    for (const each of captures) each.mockRestore();
    vi.unstubAllEnvs();
  }
}
