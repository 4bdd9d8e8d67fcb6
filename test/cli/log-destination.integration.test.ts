import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../free-port.ts';
import { SMALL_GATED_ENV, SMALL_NAME } from '../small-cnn.ts';
import { until } from '../transport/http/until.ts';

const MODEL = `/v2/models/${SMALL_NAME}`;
let folder: string;
let end: () => void = () => undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taustat-log-'));
});
afterEach(() => {
  end();
  rmSync(folder, { recursive: true });
});

/** A server whose log, which may go nowhere, goes to a descriptor; `pipe`: to one that nobody reads, and that is closed once the server answers. */
async function serve(stdout: number | 'pipe') {
  const port = await freePort();
  const args = ['dist/cli.js', 'serve', '--port', String(port), '--no-state'];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', stdout, 'ignore'],
    env: { ...process.env, ...SMALL_GATED_ENV },
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  end = () => child.kill('SIGKILL');
  const url = `http://127.0.0.1:${port}`;
  await until(async () => (await fetch(`${url}/v2/health/ready`).catch(() => undefined))?.status === 200);
  return { child, url, ended };
}

/** Every change of the mode is a line. */
async function changeMode(url: string, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const body = JSON.stringify({ mode: i % 2 === 0 ? 'observe' : 'auto' });
    expect((await fetch(`${url}${MODEL}/pruning`, { method: 'PUT', body })).status).toBe(200);
  }
}

async function dropped(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^taustat_log_lines_dropped_total (\d+)$/m.exec(text)?.[1]);
}

describe('a log that cannot be written', () => {
  it('to a full device: lines are dropped and counted, serving and ending go on', async () => {
    const full = openSync('/dev/full', 'w');
    const { child, url, ended } = await serve(full);
    closeSync(full);
    await changeMode(url, 40);
    await until(async () => (await dropped(url)) >= 40);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });

  it('to a pipe that was closed: the same', async () => {
    const { child, url, ended } = await serve('pipe');
    child.stdout!.destroy();
    await changeMode(url, 40);
    await until(async () => (await dropped(url)) >= 40);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });

  it.runIf(process.getuid?.() === 0)('to a disk that gets full: it goes on when there is room', async () => {
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]);
    } catch {
      // Root of a container that may not mount.
      return;
    }
    try {
      const path = join(folder, 'log');
      const log = openSync(path, 'w');
      const { child, url, ended } = await serve(log);
      closeSync(log);
      await changeMode(url, 2);
      execFileSync('sh', ['-c', `dd if=/dev/zero of=${folder}/fill bs=1k count=200 2>/dev/null || true`]);
      await changeMode(url, 60);
      await until(async () => (await dropped(url)) > 0);
      rmSync(join(folder, 'fill'));
      await changeMode(url, 2);
      child.kill('SIGTERM');
      expect(await ended).toBe(0);
      const lines = readFileSync(path, 'utf8').trim().split('\n');
      expect(JSON.parse(lines.at(-1)!)).toMatchObject({ msg: 'stopped' });
    } finally {
      end();
      execFileSync('umount', ['-l', folder]);
    }
  });
});
