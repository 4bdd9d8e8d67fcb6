import { ServingError } from '../config/errors.ts';

/** One version of one model, or a folder that is no model, in the words of the protocol's repository extension. */
export interface IndexEntry {
  readonly name: string;
  /** Absent for a folder without one. */
  readonly version?: string;
  readonly state: 'READY' | 'LOADING' | 'UNLOADING' | 'UNAVAILABLE';
  /** Why; empty when there is nothing to say. */
  readonly reason: string;
}

/** Which models are served, free of any transport. */
export interface RepositoryPlane {
  /** Everything that is there, served or not, by name and version. */
  index(): Promise<readonly IndexEntry[]>;
  /**
   * Loads a model, or loads it again where its files have changed. Requests are answered meanwhile by what was there before,
   * which goes on when the new files cannot be loaded.
   *
   * @throws ServingError UNKNOWN_MODEL, or INVALID_REQUEST with the reason.
   */
  load(model: string): Promise<void>;
  /** Takes no new request for a model; those under way finish. @throws ServingError UNKNOWN_MODEL */
  unload(model: string): Promise<void>;
}

/** Nothing that a model here could have depends on another. */
const IGNORED_PARAMETERS: ReadonlySet<string> = new Set(['unload_dependents']);

/**
 * Checks the name of a parameter of a request to load or unload: a configuration or files that it brings along would be
 * ignored silently.
 *
 * @throws ServingError INVALID_REQUEST
 */
export function checkChangeParameter(name: string): void {
  if (IGNORED_PARAMETERS.has(name)) return;
  throw new ServingError('INVALID_REQUEST', `parameter '${name.slice(0, 40)}' is not supported here`);
}
