import type { Logger } from 'pino';
import { messageOf } from '../config/errors.ts';
import type { Config } from '../config/schema.ts';
import { runInSeries } from './files/serial-queue.ts';
import { removeOldFiles } from './files/state-files.ts';
import { defaultStateFolder } from './keys.ts';

/** Removes old files from the state folder, in the background. */
export function removeOldState({ store }: Pick<Config, 'store'>, log: Logger): void {
  if (store.enabled !== true) return;
  const { folder = defaultStateFolder(), keepDays } = store;
  runInSeries(folder, () => removeOldFiles(folder, keepDays, Date.now())).catch((error: unknown) =>
    log.warn({ folder, error: messageOf(error) }, 'old state was not removed'),
  );
}
