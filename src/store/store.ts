import type { ResumePoint } from '../control/phases/resume-point.ts';
import type { Choice } from './choice.ts';

/** Form of the record: another one is as good as none. */
export const RECORD_VERSION = 3;

/** What is kept of a model over restarts. */
export interface Remembered extends ResumePoint {
  /** Form of the record. */
  readonly version: typeof RECORD_VERSION;
  /** SHA-256 of the model file: another model starts afresh. */
  readonly model: string;
  /** The settings that the decisions depend on: under others, the evidence says nothing. */
  readonly settings: string;
  /** When evidence last came in, Unix milliseconds. */
  readonly savedAt: number;
}

/** A choice and its place among those that were made for its key. */
export interface KeptChoice {
  readonly sequence: bigint;
  readonly choice: Choice;
}

/**
 * Where thermostats are remembered: a record of evidence per key, of which the last one written counts, and the choices
 * that operators make, of which none is ever overwritten by what is older. Several servers may share a store.
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
  /** The latest choice that was made for a key, by whatever server; null: none. @throws where that cannot be told. */
  loadChoice(key: string): Promise<KeptChoice | null>;
  /**
   * Resolves once the choice is safe, after all that were made before.
   *
   * @param onlyAfter - sequence of the choice that this one amends.
   * @returns its sequence; null where another choice has come after the one to be amended.
   * @throws where it cannot be kept.
   */
  saveChoice(key: string, choice: Choice, onlyAfter?: bigint): Promise<bigint | null>;
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
