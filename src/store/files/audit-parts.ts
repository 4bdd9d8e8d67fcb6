import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

const ENDING = '.jsonl';
/** In names, times sort as they passed. */
const STAMP = /^\d{8}T\d{9}Z-[0-9a-f]{4}$/;

/** Where a log that is long enough is set aside: a name that nothing else has, whoever else sets aside. */
export function partPath(log: string, at: Date): string {
  const stamp = at.toISOString().replace(/[-:.]/g, '');
  return `${stem(log)}.${stamp}-${randomBytes(2).toString('hex')}${ENDING}`;
}

/** The parts of a log that were set aside, oldest first. */
export async function partsOf(log: string): Promise<string[]> {
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
