import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SMALL_GATED_ENV, SMALL_NAME, smallCnn } from '../small-cnn.ts';
import { type Running, start } from './command.ts';

const MODEL = SMALL_NAME;
let folder: string;
let running: Running | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taustat-hanging-'));
});
afterEach(async () => {
  running?.child.kill('SIGKILL');
  await running?.outcome;
  rmSync(folder, { recursive: true, force: true });
});

async function serve(): Promise<string> {
  running = start('dist/cli.js', ['serve', '--port', '0', '--state-dir', folder], SMALL_GATED_ENV);
  return running.saying(/"url":"([^"]+)"/);
}

/** Puts a pipe in the place of every record of evidence: opening it waits for a writer, which never comes. */
function pipeEvidence(): number {
  const records = readdirSync(folder).filter((name) => /@1\.[0-9a-f]{8}-[0-9a-f]{8}\.json$/.test(name));
  for (const name of records) {
    rmSync(join(folder, name));
    execFileSync('mkfifo', [join(folder, name)]);
  }
  return records.length;
}

async function put(url: string, mode: string, model = MODEL): Promise<unknown> {
  const init = { method: 'PUT', body: JSON.stringify({ mode }) };
  return (await fetch(`${url}/v2/models/${model}/pruning`, init)).json();
}

async function terminate() {
  running!.child.kill('SIGTERM');
  const { code, stdout } = await running!.outcome;
  return { code, stdout, signal: running!.child.signalCode };
}

describe('SIGTERM', () => {
  it('ends a server in good order', async () => {
    await put(await serve(), 'off');
    const { code, signal, stdout } = await terminate();
    expect([code, signal]).toEqual([0, null]);
    expect(stdout).not.toContain('hangs');
  });

  it('ends also one whose state folder hangs', async () => {
    await put(await serve(), 'observe');
    await terminate();
    expect(pipeEvidence()).toBe(1);
    await serve();
    const { code, signal, stdout } = await terminate();
    // Node’s own exit waits for the thread that hangs.
    expect([code, signal]).toEqual([null, 'SIGTERM']);
    expect(stdout).toContain('the state folder has not answered for 3000 ms');
    expect(stdout).toMatch(/"msg":"stopped"[\s\S]*something hangs: ended by SIGTERM/);
  });

  it('is not held up by a pipe in the place of the audit log, and the log tells', async () => {
    execFileSync('mkfifo', [join(folder, `${MODEL}@1.${hostname().replace(/[^\w-]/g, '_')}.audit.jsonl`)]);
    expect(await put(await serve(), 'off')).toMatchObject({ mode: 'off', durable: true });
    const { code, signal, stdout } = await terminate();
    expect([code, signal]).toEqual([0, null]);
    expect(stdout).toContain('the audit log cannot be written');
  });
});

describe('a state folder that hangs under many models', () => {
  it('leaves threads for what is compressed, listed and loaded', async () => {
    const repository = join(folder, 'models');
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const name of names) {
      mkdirSync(join(repository, name, '1'), { recursive: true });
      copyFileSync(smallCnn('model.onnx'), join(repository, name, '1', 'model.onnx'));
    }
    const args = ['serve', '--port', '0', '--model-repository', repository, '--state-dir', folder];
    running = start('dist/cli.js', args);
    const first = await running.saying(/"url":"([^"]+)"/);
    for (const name of names) await put(first, 'observe', name);
    await terminate();
    expect(pipeEvidence()).toBe(names.length);
    running = start('dist/cli.js', args);
    const url = await running.saying(/"url":"([^"]+)"/);
    const post = async (path: string, init: RequestInit = {}) =>
      (await fetch(`${url}/v2/${path}`, { method: 'POST', ...init })).status;
    expect(await post('repository/index')).toBe(200);
    expect(await post('repository/models/b/load')).toBe(200);
    const inputs = [{ name: 'image', shape: [1, 1, 28, 28], datatype: 'FP32', data: new Array(784).fill(1) }];
    const body = gzipSync(JSON.stringify({ inputs }));
    const headers = { 'Content-Encoding': 'gzip' };
    expect(await post('models/c/infer', { body, headers })).toBe(200);
  });
});

describe('a start', () => {
  it('does not wait for a state folder that hangs: what an operator chose is unknown then, so answers are dense', async () => {
    execFileSync('mkfifo', [join(folder, `${MODEL}.mode-1.json`)]);
    const url = await serve();
    const answer = await fetch(`${url}/v2/models/${MODEL}/pruning`);
    expect(await answer.json()).toMatchObject({ mode: 'off' });
    expect(running!.stdout()).toContain('the state folder has not answered for 3000 ms');
    const { stdout } = await terminate();
    expect(stdout).toContain('"msg":"stopped"');
  });
});
