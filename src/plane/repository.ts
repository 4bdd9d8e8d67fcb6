import { ServingError } from '../config/errors.ts';

/** An entry of the protocol's repository index: one version of a model, or a folder that is not a model. */
export interface IndexEntry {
  readonly name: string;
  /** Absent for a folder without versions. */
  readonly version?: string;
  readonly state: 'READY' | 'LOADING' | 'UNLOADING' | 'UNAVAILABLE';
  /** Why it is in this state; empty if there is nothing to say. */
  readonly reason: string;
}

/** The control plane for which models are served, independent of transports. */
export interface RepositoryPlane {
  /** All models, served or not, sorted by name and version. */
  index(): Promise<readonly IndexEntry[]>;
  /**
   * Loads a model, or reloads it if its files have changed. Until then, and if the new files cannot be loaded, the loaded
   * model goes on answering.
   *
   * @throws ServingError UNKNOWN_MODEL, or INVALID_REQUEST with the reason.
   */
  load(model: string): Promise<void>;
  /** Unloads a model; requests under way finish, new ones are refused. @throws ServingError UNKNOWN_MODEL */
  unload(model: string): Promise<void>;
}

/** Parameters without effect: no model depends on another. */
const IGNORED_PARAMETERS: ReadonlySet<string> = new Set(['unload_dependents']);

/**
 * Checks a parameter of a request to load or unload. Others, such as Triton's configuration or files, are refused rather
 * than silently ignored.
 *
 * @throws ServingError INVALID_REQUEST
 */
export function checkChangeParameter(name: string): void {
  if (IGNORED_PARAMETERS.has(name)) return;
  throw new ServingError('INVALID_REQUEST', `parameter '${name.slice(0, 40)}' is not supported here`);
}
