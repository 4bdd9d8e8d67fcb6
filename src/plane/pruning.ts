import type { Mode } from '../config/modes.ts';
import type { NumberedRequest } from '../protocol/npz.ts';

/** The control plane for pruning, independent of transports. Reports are plain data. */
export interface PruningPlane {
  /** A few members of the report of every model that answers. Plain data. */
  overview(): unknown;
  /** Plain data, or a promise of it that does not fail. @throws ServingError UNKNOWN_MODEL */
  report(model: string, version?: string): unknown;
  /** The latest changes of a model's state, oldest first, with the server's time. @throws ServingError UNKNOWN_MODEL */
  history(model: string, version?: string): unknown;
  /** How activations are distributed, now and when the threshold was searched. @throws ServingError UNKNOWN_MODEL */
  activations(model: string, version?: string): unknown;
  /**
   * The inputs of the requests that the server keeps, in order of arrival.
   *
   * @param from - number of the first one.
   * @param limit - most requests.
   * @throws ServingError UNKNOWN_MODEL; FORBIDDEN unless `sampling.allowRecord` is set.
   */
  keptRequests(model: string, from: number, limit: number, version?: string): readonly NumberedRequest[];
  /**
   * Sets the mode at once. Resolves with the report when the choice is written, or cannot be written, as the report then says.
   *
   * @throws ServingError UNKNOWN_MODEL
   */
  setMode(model: string, mode: Mode, threshold: number | undefined, version?: string): Promise<unknown>;
  /**
   * Fixes the last threshold that was proven and had all of production, below the present one; otherwise as `setMode`.
   *
   * @param to - where the caller expects to come to; undefined: wherever that is.
   * @throws ServingError UNKNOWN_MODEL; CONFLICT where there is none, or it is another one
   */
  goBack(model: string, to: number | undefined, version?: string): Promise<unknown>;
  /** Calls the follower with the present summary, and with a new one after every change. @throws ServingError UNKNOWN_MODEL */
  follow(model: string, follower: Follower, version?: string): Unfollow;
}

export interface Follower {
  readonly next: (summary: unknown) => void;
  /** No more summaries follow: the server is about to stop. */
  readonly end: () => void;
}

export type Unfollow = () => void;
