import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for something that will hold soon. @throws Error after half a minute */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1500; i++) {
    if (await holds()) return;
    await sleep(20);
  }
  throw new Error(`waited in vain for ${holds}`);
}
