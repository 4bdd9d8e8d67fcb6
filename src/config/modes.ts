/** What the operator wants the server to do. */
export type Mode =
  /** Finds a threshold, tests it, applies it and watches it. */
  | 'auto'
  /** Applies the operator's threshold; the guard still falls back to dense. */
  | 'fixed'
  /** Does all that `auto` does in shadow runs, but applies nothing. */
  | 'observe'
  /** Dense answers from the untouched model; nothing is sampled. */
  | 'off';

export const MODES: readonly Mode[] = ['auto', 'fixed', 'observe', 'off'];
