import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ChoiceFiles } from '../../src/store/files/choice-files.ts';
import { start } from '../cli/command.ts';
import { choice } from '../contracts/store-contract.ts';

const folder = mkdtempSync(join(tmpdir(), 'taustat-race-'));
afterAll(() => rmSync(folder, { recursive: true }));

const WRITER = `
import { ChoiceFiles } from './dist/store/files/choice-files.js';
const files = new ChoiceFiles(process.argv[1], 'm');
let isOver = false;
process.stdin.resume().on('end', () => { isOver = true; });
for (let at = 2; !isOver; at++) await files.save({ ...JSON.parse(process.argv[2]), at });
`;

it('a server that starts while others choose always finds a choice, and never an older one', async () => {
  const files = new ChoiceFiles(folder, 'm');
  await files.save(choice(1));
  const args = ['-e', WRITER, folder, JSON.stringify(choice(2))];
  const writer = start('--input-type=module', args);
  let isRunning = true;
  const ended = writer.outcome.finally(() => {
    isRunning = false;
  });
  let last = 0n;
  let reads = 0;
  for (; isRunning && (reads <= 100 || last <= 100); reads++) {
    const kept = await files.load();
    expect(kept?.sequence).toBeGreaterThanOrEqual(last);
    last = kept!.sequence;
  }
  writer.child.stdin!.end();
  expect(await ended).toMatchObject({ code: 0, stderr: '' });
  expect([reads > 100, last > 100n]).toEqual([true, true]);
});
