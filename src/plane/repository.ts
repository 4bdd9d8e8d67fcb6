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
