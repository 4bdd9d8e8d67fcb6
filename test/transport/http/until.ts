import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for something that will hold. @throws Error after several minutes, shortly before the test would be given up. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 12_000; i++) {
    if (await holds()) return;
    await sleep(20);
  }
  throw new Error(`waited in vain for ${holds}`);
}
