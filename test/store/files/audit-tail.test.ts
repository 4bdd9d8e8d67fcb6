import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { latestDecisions } from '../../../src/store/files/audit-tail.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'taustat-tail-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const decision = (at: number) => ({
  run: 'a',
  kind: 'decision',
  state: 'tracking',
  production: { threshold: 0.5, share: 0.25, rest: 0 },
  change: { at, reason: 'ramped', detail: 'a stage' },
  digest: '0',
});

describe('the end of an audit log', () => {
  it('gives its decisions in order, without the evidence, and without what is cut off or no decision', async () => {
    const path = join(folder, 'm.audit.jsonl');
    const lines = [
      JSON.stringify(decision(1)),
      JSON.stringify({ run: 'a', kind: 'event', event: { kind: 'mode', mode: 'off', at: 1 } }),
      JSON.stringify({ ...decision(2), state: 'nonsense' }),
      JSON.stringify({ ...decision(3), production: null }),
      JSON.stringify(decision(4)),
      JSON.stringify(decision(5)).slice(0, 90),
    ];
    await writeFile(path, lines.join('\n'));
    expect((await latestDecisions(path)).map(({ change }) => change.at)).toEqual([1, 4]);
  });

  it('reads a bounded part of a long log', async () => {
    const path = join(folder, 'm.audit.jsonl');
    const count = 20_000;
    const text = Array.from({ length: count }, (_, at) => `${JSON.stringify(decision(at))}\n`).join('');
    await writeFile(path, text);
    const found = await latestDecisions(path);
    expect(found.at(-1)!.change.at).toBe(count - 1);
    expect(found.length).toBeLessThan(count);
  });

  it('is empty where there is no log, and an error where it is a link', async () => {
    const path = join(folder, 'm.audit.jsonl');
    expect(await latestDecisions(path)).toEqual([]);
    await symlink(join(folder, 'other'), path);
    await expect(latestDecisions(path)).rejects.toThrow(/ELOOP/);
  });
});
