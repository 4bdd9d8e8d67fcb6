import { mean, type Spread, spread } from './spread.ts';

/** A measurement of one arm in one round. */
export interface RoundRun<A> {
  readonly arm: A;
  readonly round: number;
}

/**
 * A quantity of one arm over that of the reference, once per round: the mean of the arm's runs in the round over the mean of
 * the reference's. Only runs of the same round are compared, so that slow changes of the machine cancel.
 *
 * @returns one ratio per round in which both were measured, in the order of the rounds.
 */
export function ratioPerRound<A, R extends RoundRun<A>>(
  runs: readonly R[],
  arm: A,
  reference: A,
  quantity: (run: R) => number,
): number[] {
  const rounds = [...new Set(runs.map((run) => run.round))].sort((a, b) => a - b);
  return rounds.flatMap((round) => {
    const valuesOf = (which: A) =>
      runs.filter((run) => run.round === round && run.arm === which).map(quantity);
    const own = valuesOf(arm);
    const base = valuesOf(reference);
    return own.length === 0 || base.length === 0 ? [] : [mean(own) / mean(base)];
  });
}

/**
 * Median of the ratios of the rounds, and the range of the ratios within them: the first run of an arm in a round over the
 * first of the reference, the second over the second. One round has a range too, and what changes between two runs of a
 * round is in it.
 */
export function ratioSpread<A, R extends RoundRun<A>>(
  runs: readonly R[],
  arm: A,
  reference: A,
  quantity: (run: R) => number,
): Spread {
  const perRound = ratioPerRound(runs, arm, reference, quantity);
  const rounds = [...new Set(runs.map(({ round }) => round))];
  const perRun = rounds.flatMap((round) => {
    const of = (which: A) => runs.filter((run) => run.round === round && run.arm === which).map(quantity);
    const base = of(reference);
    return of(arm).flatMap((own, i) => (i < base.length ? [own / base[i]!] : []));
  });
  const { low, high } = spread([...perRound, ...perRun]);
  return { median: spread(perRound).median, low, high };
}
