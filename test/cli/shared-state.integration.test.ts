import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { pruningReport } from '../../src/models/pruning-report.ts';
import { SMALL_GATED_ENV, SMALL_NAME } from '../small-cnn.ts';
import { until } from '../transport/http/until.ts';
import { type Running, start, taustat } from './command.ts';

const MODEL = SMALL_NAME;
let folder: string;
let servers: Running[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taustat-shared-'));
});
afterEach(async () => {
  for (const { child } of servers) child.kill('SIGKILL');
  await Promise.all(servers.map(({ outcome }) => outcome));
  servers = [];
  rmSync(folder, { recursive: true, force: true });
});

async function serve(...args: string[]): Promise<string> {
  const running = start(
    'dist/cli.js',
    ['serve', '--port', '0', '--state-dir', folder, ...args],
    SMALL_GATED_ENV,
  );
  servers.push(running);
  return running.saying(/"url":"([^"]+)"/);
}

async function killAll(): Promise<void> {
  for (const { child } of servers) child.kill('SIGKILL');
  await Promise.all(servers.map(({ outcome }) => outcome));
  servers = [];
}

type Answer = ReturnType<typeof pruningReport>;

async function pruning(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${url}/v2/models/${MODEL}/pruning`, init);
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
}

const put = (url: string, body: object) => pruning(url, { method: 'PUT', body: JSON.stringify(body) });

describe('servers that share a folder', () => {
  it('do not undo what an operator told one of them, whoever writes last', async () => {
    const [one, other] = await Promise.all([serve(), serve()]);
    expect(await put(other, { mode: 'observe' })).toMatchObject({ mode: 'observe', durable: true });
    expect(await put(one, { mode: 'off' })).toMatchObject({ mode: 'off', durable: true });
    // Nobody has told the other one: it goes on, and stops in good order, which is when everything is kept.
    expect((await pruning(other)).mode).toBe('observe');
    servers[1]!.child.kill('SIGTERM');
    expect((await servers[1]!.outcome).code).toBe(0);
    await killAll();
    expect(await pruning(await serve())).toMatchObject({ mode: 'off', durable: true });
  });

  it('keep one choice between them, of all that are made at once', async () => {
    const urls = await Promise.all([serve(), serve()]);
    const modes = ['off', 'observe', 'auto', 'off', 'observe'];
    const answers = await Promise.all(modes.flatMap((mode) => urls.map((url) => put(url, { mode }))));
    expect(answers.map(({ durable }) => durable)).toEqual(Array(10).fill(true));
    await killAll();
    expect(readdirSync(folder).filter((name) => name.includes('.mode-'))).toHaveLength(1);
    expect((await pruning(await serve())).mode).toMatch(/^(off|observe|auto)$/);
  });

  it('are not kept from starting by what a kill has left', async () => {
    await put(await serve(), { mode: 'off' });
    await killAll();
    // Cut off in the middle of a write, and never acknowledged.
    writeFileSync(join(folder, `${MODEL}.mode-9.json`), '{"mode":"au');
    writeFileSync(join(folder, `${MODEL}@1.x.json.0123.tmp`), '{');
    const url = await serve();
    expect((await pruning(url)).mode).toBe('off');
    expect(await put(url, { mode: 'observe' })).toMatchObject({ durable: true });
    await killAll();
    expect((await pruning(await serve())).mode).toBe('observe');
    expect(await servers[0]!.saying(/"modes":(\{[^}]*\}),"msg":"serving"/)).toBe(`{"${MODEL}":"observe"}`);
  });
});

describe('a folder that nothing can be written to', () => {
  /** As somebody who may not write there; the tests may run as root, who may. */
  async function serveUnprivileged(): Promise<string> {
    const isRoot = process.getuid?.() === 0;
    const running = start(
      'dist/cli.js',
      ['serve', '--port', '0', '--state-dir', folder],
      SMALL_GATED_ENV,
      isRoot ? { uid: 65_534, gid: 65_534 } : {},
    );
    servers.push(running);
    return running.saying(/"url":"([^"]+)"/);
  }

  it('does not keep a kill switch from working, and is told of where it matters', async () => {
    chmodSync(folder, 0o555);
    const url = await serveUnprivileged();
    const answer = await put(url, { mode: 'off' });
    expect(answer).toMatchObject({ mode: 'off', state: 'off', durable: false });
    expect(answer.warning).toMatch(/would be lost at a restart: EACCES/);
    expect(await pruning(url)).toMatchObject({ mode: 'off', durable: false });
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toMatch(
      /^taustat_state_failures_total\{model="fashion-mnist-cnn",version="1",what="choice"\} [1-9]/m,
    );
    expect(servers[0]!.stdout()).toContain('the mode that was chosen cannot be kept');
  });

  it('is tried again until it takes what was chosen', async () => {
    const url = await serve();
    const aside = `${folder}-aside`;
    if (existsSync(folder)) renameSync(folder, aside);
    writeFileSync(folder, 'not a folder');
    expect(await put(url, { mode: 'off' })).toMatchObject({ mode: 'off', durable: false });
    rmSync(folder);
    mkdirSync(folder);
    await until(async () => (await pruning(url)).durable === true);
    await killAll();
    expect((await pruning(await serve())).mode).toBe('off');
    rmSync(aside, { recursive: true, force: true });
  });

  it('is no matter where nothing is to be kept, but that is told too', async () => {
    const answer = await put(await serve('--no-state'), { mode: 'off' });
    expect(answer).toMatchObject({ durable: false, warning: expect.stringContaining('keeps no state') });
  });
});

describe('a first start that fails', () => {
  it('leaves nothing behind', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const place = join(folder, 'state');
    const { code, stderr } = await taustat('serve', '--port', String(port), '--state-dir', place);
    taken.close();
    expect([code, stderr]).toEqual([1, expect.stringContaining('ADDRESS_IN_USE')]);
    expect(existsSync(place)).toBe(false);
  });
});
