import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LineQueue } from '../../src/telemetry/line-queue.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taustat-lines-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function open(path: string, maxWaitingBytes?: number) {
  let dropped = 0;
  const descriptor = openSync(path, 'a');
  const queue = new LineQueue(descriptor, {
    onDropped: (lines) => {
      dropped += lines;
    },
    ...(maxWaitingBytes === undefined ? {} : { maxWaitingBytes }),
  });
  return { queue, dropped: () => dropped, close: () => closeSync(descriptor) };
}

describe('lines on their way to a file', () => {
  it('come in order', async () => {
    const path = join(folder, 'log');
    const { queue, dropped, close } = open(path);
    const lines = Array.from({ length: 500 }, (_, i) => `line ${i} é\n`);
    for (const line of lines) queue.write(line);
    await vi.waitFor(() => expect(readFileSync(path, 'utf8')).toBe(lines.join('')));
    expect(dropped()).toBe(0);
    close();
  });

  it('are dropped and counted where the device is full', async () => {
    const { queue, dropped, close } = open('/dev/full');
    for (let i = 0; i < 5; i++) queue.write(`${i}\n`);
    await vi.waitFor(() => expect(dropped()).toBe(5));
    queue.write('again\n');
    await vi.waitFor(() => expect(dropped()).toBe(6));
    close();
  });

  it('are dropped and counted beyond what may wait', async () => {
    const path = join(folder, 'log');
    const { queue, dropped, close } = open(path, 100);
    for (let i = 0; i < 30; i++) queue.write('123456789\n');
    expect(dropped()).toBe(20);
    await vi.waitFor(() => expect(readFileSync(path, 'utf8')).toBe('123456789\n'.repeat(10)));
    queue.write('room again\n');
    await vi.waitFor(() => expect(readFileSync(path, 'utf8')).toContain('room again\n'));
    expect(dropped()).toBe(20);
    close();
  });
});
