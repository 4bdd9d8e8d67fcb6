/** What the operator asked for. */
export type Mode =
  /** Finds, tries, applies and watches a threshold. */
  | 'auto'
  /** Applies the operator's threshold; the guard still falls back to dense. */
  | 'fixed'
  /** Does everything `auto` does on shadow traffic, and applies nothing. */
  | 'observe'
  /** Dense answers from the untouched model; nothing is sampled. */
  | 'off';

export const MODES: readonly Mode[] = ['auto', 'fixed', 'observe', 'off'];
