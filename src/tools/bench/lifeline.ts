/**
 * Loaded before the server in a child process: when the parent is gone, however it ended, the server stops too.
 * Worker threads load it as well and have no parent to watch.
 */
import { isMainThread } from 'node:worker_threads';

if (isMainThread && process.channel !== undefined) {
  process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel.unref();
}
