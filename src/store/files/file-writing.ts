import { randomBytes } from 'node:crypto';
import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Only whoever runs the server reads what it knows of its traffic. */
const OWNERS_ONLY = 0o600;
/** What file systems say that know no second name of a file. There, a kill may leave half of what is made. */
const LINKLESS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** Takes the place of what is there, whole or not at all, whoever else writes the same file. */
export async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const beside = besideOf(path);
  try {
    await writeSynced(beside, 'w', text);
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Makes a file that nobody else has made, whole or not at all. @returns false where it is there already. */
export async function createFile(path: string, text: string): Promise<boolean> {
  await mkdir(dirname(path), { recursive: true });
  const beside = besideOf(path);
  try {
    await writeSynced(beside, 'wx', text);
    await link(beside, path).catch((error: NodeJS.ErrnoException) => {
      if (!LINKLESS.has(error.code ?? '')) throw error;
      return writeSynced(path, 'wx', text);
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(beside, { force: true }).catch(() => undefined);
  }
  await syncFolder(dirname(path));
  return true;
}

/** Not by process id: in containers, every server is process 1. */
function besideOf(path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}.tmp`;
}

async function writeSynced(path: string, flags: 'w' | 'wx', text: string): Promise<void> {
  const file = await open(path, flags, OWNERS_ONLY);
  try {
    await file.writeFile(text);
    await file.sync();
  } catch (error) {
    await rm(path, { force: true }).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
}

/** So that a new name outlives a power cut. Not every file system can do it; then nothing more can be done. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(join(folder, '.'), 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
