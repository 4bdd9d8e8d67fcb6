import type { ResumePoint } from '../control/phases/resume-point.ts';
import type { Choice } from './choice.ts';

/** Version of the record's form; a record of another version is ignored. */
export const RECORD_VERSION = 3;

/** What is kept of a model over restarts, besides the operator's choice. */
export interface StateRecord extends ResumePoint {
  readonly version: typeof RECORD_VERSION;
  /** SHA-256 of the model file; for another file the record is not used. */
  readonly model: string;
  /** Hash of the settings that decisions depend on; under other settings the record is not used. */
  readonly settings: string;
  /** Time of the latest evidence, Unix milliseconds. */
  readonly savedAt: number;
}

/** A choice and its sequence number among the choices for its key. */
export interface KeptChoice {
  readonly sequence: bigint;
  readonly choice: Choice;
}

/**
 * Stores a record of evidence per key, of which the last one written counts, and operators' choices, which an older choice
 * never overwrites. Several servers may share a store.
 *
 * No request waits for it: `save` returns at once.
 */
export interface StateStore {
  /** The record; null: none, unreadable, or of another form. Never throws. */
  load(key: string): Promise<StateRecord | null>;
  /** Writes the record in the background; one that is replaced before it is written may be skipped. Errors are reported, not thrown. */
  save(key: string, record: StateRecord): void;
  /** Waits until everything saved so far is written. */
  flush(): Promise<void>;
  /** The latest choice for a key, by any server; null: none. @throws if it cannot be read. */
  loadChoice(key: string): Promise<KeptChoice | null>;
  /**
   * Writes a choice after all earlier ones; resolves once it is written.
   *
   * @param onlyAfter - sequence of the choice that this one amends.
   * @returns its sequence; null if there is a newer choice than the one to amend.
   * @throws if it cannot be written.
   */
  saveChoice(key: string, choice: Choice, onlyAfter?: bigint): Promise<bigint | null>;
}

/** Whether a value has the form of a record of this version. */
export function isStateRecord(value: unknown): value is StateRecord {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Partial<StateRecord>;
  return (
    record.version === RECORD_VERSION &&
    typeof record.model === 'string' &&
    typeof record.settings === 'string' &&
    typeof record.savedAt === 'number' &&
    typeof record.state?.phase?.kind === 'string'
  );
}
