import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Everything that tests, and the processes that they start, leave in the folder for temporary files is gone when they are through. */
export default function inFolderOfItsOwn(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'taustat-tests-'));
  process.env.TMPDIR = folder;
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
