import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

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
