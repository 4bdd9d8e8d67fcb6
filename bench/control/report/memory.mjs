// Heap of the loop after so many sampled requests, in a process of its own with the garbage collected.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PROBE = fileURLToPath(new URL('memory-probe.mjs', import.meta.url));

/** The row that the probe replays. */
export const MEMORY_ROW = 'optical-digits-mlp';

/** @param {number} count - sampled requests. @returns {Promise<{ sampled: number, heapBytes: number }[]>} */
export async function memoryOf(count) {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--expose-gc',
    PROBE,
    MEMORY_ROW,
    String(count),
  ]);
  return JSON.parse(stdout);
}
