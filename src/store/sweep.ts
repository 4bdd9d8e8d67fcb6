import type { Logger } from 'pino';
import { messageOf } from '../config/errors.ts';
import type { Config } from '../config/schema.ts';
import { sweep } from './files/state-files.ts';
import { inTurn } from './files/turns.ts';
import { defaultStateFolder } from './keys.ts';

/** Removes what servers have left in the state folder for too long; nothing waits for that. */
export function sweepState({ store }: Pick<Config, 'store'>, log: Logger): void {
  if (store.enabled !== true) return;
  const { folder = defaultStateFolder(), keepDays } = store;
  inTurn(folder, () => sweep(folder, keepDays, Date.now())).catch((error: unknown) =>
    log.warn({ folder, error: messageOf(error) }, 'old state was not removed'),
  );
}
