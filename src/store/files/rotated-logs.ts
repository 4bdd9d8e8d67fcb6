import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

const ENDING = '.jsonl';
/** The time stamp in a name; names sort by time. */
const STAMP = /^\d{8}T\d{9}Z-[0-9a-f]{4}$/;

/** A new name for a log that is rotated; unique even when several servers rotate at once. */
export function rotatedPath(log: string, at: Date): string {
  const stamp = at.toISOString().replace(/[-:.]/g, '');
  return `${stem(log)}.${stamp}-${randomBytes(2).toString('hex')}${ENDING}`;
}

/** The rotated files of a log, oldest first. */
export async function rotatedLogs(log: string): Promise<string[]> {
  const prefix = `${basename(stem(log))}.`;
  const names = await readdir(dirname(log));
  return names
    .filter((name) => name.startsWith(prefix) && name.endsWith(ENDING))
    .filter((name) => STAMP.test(name.slice(prefix.length, -ENDING.length)))
    .sort()
    .map((name) => join(dirname(log), name));
}

function stem(log: string): string {
  return log.endsWith(ENDING) ? log.slice(0, -ENDING.length) : log;
}
