import { randomBytes } from 'node:crypto';
import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Files tell of the server's traffic: only its own user may read them. */
const OWNERS_ONLY = 0o600;
/** Errors of file systems without hard links. There, a kill may leave a truncated file. */
const WITHOUT_HARD_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** Replaces a file atomically, even if others write it at the same time. */
export async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = temporaryPath(path);
  try {
    await writeSynced(temporary, 'w', text);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Creates a file atomically. @returns false if it exists already. */
export async function createFile(path: string, text: string): Promise<boolean> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = temporaryPath(path);
  try {
    await writeSynced(temporary, 'wx', text);
    await link(temporary, path).catch((error: NodeJS.ErrnoException) => {
      if (!WITHOUT_HARD_LINKS.has(error.code ?? '')) throw error;
      return writeSynced(path, 'wx', text);
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
  await syncFolder(dirname(path));
  return true;
}

/** Random rather than by process id: in containers every server is process 1. */
function temporaryPath(path: string): string {
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

/** Makes a new name outlive a power cut, on file systems that can. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(join(folder, '.'), 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
