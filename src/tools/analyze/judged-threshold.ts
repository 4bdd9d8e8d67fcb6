import type { Analysis } from './analysis.ts';

/** A threshold that is worth a closer look, and why. */
export interface JudgedThreshold {
  /** 0: exact zeros only. */
  readonly threshold: number;
  /**
   * `objective`: the largest within the default objective, where a server would end, or 0 where every candidate loses more
   * than it allows. `critical`: the critical one, since answers cannot be judged. `none`: there is no candidate.
   */
  readonly judged: 'objective' | 'critical' | 'none';
}

/** The critical threshold is a guess: it counts only where no answer says what is lost at it. */
export function judgedThreshold({
  measure,
  objective: { within },
  critical,
}: Pick<Analysis, 'measure' | 'objective' | 'critical'>): JudgedThreshold {
  if (within !== null) return { threshold: within.threshold, judged: 'objective' };
  if (critical === null) return { threshold: 0, judged: 'none' };
  return measure.vacuous
    ? { threshold: critical.threshold, judged: 'critical' }
    : { threshold: 0, judged: 'objective' };
}
