import type { Mode } from '../config/modes.ts';

/** What the control API needs to know and to do; plain data, free of the estimator's types. */
export interface PruningPlane {
  /** @throws ServingError UNKNOWN_MODEL */
  report(model: string, version?: string): unknown;
  /** The latest changes of its state, oldest first, with the server's time. @throws ServingError UNKNOWN_MODEL */
  history(model: string, version?: string): unknown;
  /**
   * In force at once; resolves with the report when it outlives a restart, or cannot be made to, which the report then says.
   *
   * @throws ServingError UNKNOWN_MODEL
   */
  setMode(model: string, mode: Mode, threshold: number | undefined, version?: string): Promise<unknown>;
  /** Tells the present summary at once and every one after a change. @throws ServingError UNKNOWN_MODEL */
  follow(model: string, follower: Follower, version?: string): Unfollow;
}

export interface Follower {
  readonly next: (summary: unknown) => void;
  /** Nothing comes any more: the server is about to stop. */
  readonly end: () => void;
}

export type Unfollow = () => void;
