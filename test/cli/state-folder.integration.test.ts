import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { step } from '../../src/control/phases/controller.ts';
import { comparedThresholds } from '../../src/control/phases/production.ts';
import { initialState } from '../../src/control/phases/state.ts';
import { AuditRecorder } from '../../src/store/audit.ts';
import { AuditFile } from '../../src/store/files/audit-file.ts';
import { FileStore } from '../../src/store/files/file-store.ts';
import { rotatedLogs } from '../../src/store/files/rotated-logs.ts';
import { choice } from '../contracts/store-contract.ts';
import { OPTIONS, pair, snapshot } from '../control/events.ts';
import { inProcess } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'taustat-folder-'));
afterAll(() => rmSync(folder, { recursive: true }));
const log = join(folder, `m@1.${hostname()}.audit.jsonl`);
const fail = (error: unknown) => {
  throw error;
};

/** A server's life, in a log of many parts. @returns how many decisions there were. */
async function live(): Promise<number> {
  const file = new AuditFile(log, { report: fail, maxBytes: 4000, maxRotated: 100 });
  let state = initialState('auto', undefined, OPTIONS);
  const recorder = new AuditRecorder({ model: 'm', hash: 'h', options: OPTIONS }, state, file);
  let decisions = 0;
  const hear = (event: Parameters<typeof step>[1]) => {
    const after = step(state, event, OPTIONS);
    if (after.change !== state.change) decisions++;
    state = after;
    recorder.record(event, state);
  };
  hear(snapshot([0.3], { samples: 1e4 }));
  for (const loss of [0, 1])
    for (let i = 0; i < 600; i++)
      for (const threshold of comparedThresholds(state)) hear({ ...pair(threshold, loss), at: i });
  recorder.flush();
  await file.close();
  return decisions;
}

describe('taustat replay', () => {
  it('reads the parts of a log that were set aside before it, in order', async () => {
    const decisions = await live();
    const parts = await rotatedLogs(log);
    expect(parts.length).toBeGreaterThan(2);
    const { code, stdout } = await inProcess('replay', log);
    expect(stdout).toContain(`${decisions} decisions, each derived again from its evidence, bit for bit`);
    expect(stdout).toContain(`${basename(parts[0]!)}:`);
    expect(code).toBe(0);
    const last = await inProcess('replay', parts.at(-1)!, '--json');
    expect(last.code).toBe(0);
    for (const line of last.stdout.trim().split('\n'))
      expect(JSON.parse(line)).toMatchObject({ file: parts.at(-1) });
  });
});

describe('taustat replay of what is no audit log', () => {
  const place = mkdtempSync(join(tmpdir(), 'taustat-no-log-'));
  afterAll(() => rmSync(place, { recursive: true }));
  function fileOf(name: string, text: string): string {
    writeFileSync(join(place, name), text);
    return join(place, name);
  }

  it.each([
    ['a device without end', () => '/dev/zero', /'\/dev\/zero' cannot be read: it is not a file/],
    ['a folder', () => place, /cannot be read: it is not a file/],
    ['a pipe that nobody writes to', () => pipeIn(place), /cannot be read: it is not a file/],
    [
      'a line that does not end',
      () => fileOf('huge.jsonl', 'x'.repeat(20 << 20)),
      /cannot be read: a line has more than 8388608 bytes, which no audit log has/,
    ],
    ['an empty file', () => fileOf('empty.jsonl', ''), /line 1: ends without the start of a run/],
    ['a text', () => fileOf('text.jsonl', 'hello\n'), /line 1: is not JSON/],
    ['zeros', () => fileOf('zeros.jsonl', '\0'.repeat(4096)), /line 1: is not JSON/],
    ['another log', () => fileOf('log.jsonl', '{"level":30}\n'), /line 1: is no line of an audit log/],
  ])('%s, is an error with a reason', async (_what, path, message) => {
    const { code, stdout, stderr } = await inProcess('replay', path());
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd()).not.toContain('\n');
    expect([code, stdout]).toEqual([stderr.includes('FILE_NOT_FOUND') ? 2 : 1, '']);
  });
});

function pipeIn(place: string): string {
  const path = join(place, 'pipe.jsonl');
  execFileSync('mkfifo', [path]);
  return path;
}

describe('taustat state', () => {
  it('shows what is kept, and forgets a model', async () => {
    await new FileStore(folder, fail).saveChoice('m', choice(Date.UTC(2026, 0, 2)));
    await new FileStore(folder, fail).saveChoice('other', choice(1));
    const { code, stdout } = await inProcess('state', '--state-dir', folder);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^m +any +off, 2026-01-02T00:00:00.000Z/m);
    expect(stdout).toMatch(/^m +1 .*MB$/m);
    const { models } = JSON.parse((await inProcess('state', '--state-dir', folder, '--json')).stdout);
    const any = models.find(
      (each: { model: string; version: string | null }) => each.model === 'm' && each.version === null,
    );
    expect(any.choice).toEqual({ mode: 'off', threshold: null, at: '2026-01-02T00:00:00.000Z' });
    expect(any.sizeBytes).toBeGreaterThan(0);
    expect((await inProcess('state', '--state-dir', folder, '--forget', 'm')).stdout).toMatch(
      /^forgot \d+ files/,
    );
    expect(readdirSync(folder)).toEqual(['other.mode-1.json']);
    const none = await inProcess('state', '--state-dir', folder, '--forget', 'm');
    expect([none.code, none.stderr]).toEqual([
      1,
      expect.stringContaining("UNKNOWN_MODEL: nothing is kept of 'm'"),
    ]);
    expect((await inProcess('state', '--state-dir', '/nowhere')).stdout).toContain('nothing is kept');
  });
});
