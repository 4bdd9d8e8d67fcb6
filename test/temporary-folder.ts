import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const PREFIX = 'taustat-tests-';

/** Everything that tests, and the processes that they start, leave in the folder for temporary files is gone when they are through. */
export default function inFolderOfItsOwn(): () => void {
  // Asked once for each project: one folder within another makes the paths of sockets longer than the system takes.
  if (basename(tmpdir()).startsWith(PREFIX)) return () => undefined;
  const folder = mkdtempSync(join(tmpdir(), PREFIX));
  // Some tests run a server as another user.
  chmodSync(folder, 0o755);
  process.env.TMPDIR = folder;
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
