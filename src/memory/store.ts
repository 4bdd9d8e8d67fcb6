import type { Memory } from '../control/thermostat.ts';

/** Form of the record: another one is as good as none. */
export const RECORD_VERSION = 2;

/** What is kept of a model over restarts. */
export interface Remembered extends Memory {
  /** Form of the record. */
  readonly version: typeof RECORD_VERSION;
  /** SHA-256 of the model file: another model starts afresh. */
  readonly model: string;
  /** The settings that the decisions depend on: under others, the evidence says nothing. */
  readonly settings: string;
  /** When evidence last came in, Unix milliseconds. */
  readonly savedAt: number;
}

/**
 * Where thermostats are remembered, one record per key. A store shared by several servers can implement the same.
 *
 * Nothing here may hold up a request: `save` returns at once.
 */
export interface StateStore {
  /** The record, or null: none, unreadable, or not of a known form. Never throws. */
  load(key: string): Promise<Remembered | null>;
  /** Takes the record; of several in a row only the last need be kept. Errors are reported, not thrown. */
  save(key: string, record: Remembered): void;
  /** Waits until what was saved is safe. */
  flush(): Promise<void>;
}

/** The form that is understood; anything else is as good as nothing. */
export function isRemembered(value: unknown): value is Remembered {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Partial<Remembered>;
  return (
    record.version === RECORD_VERSION &&
    typeof record.model === 'string' &&
    typeof record.settings === 'string' &&
    typeof record.savedAt === 'number' &&
    typeof record.state?.phase?.kind === 'string'
  );
}
