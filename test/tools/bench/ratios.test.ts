import { describe, expect, it } from 'vitest';
import { ratioPerRound } from '../../../src/tools/bench/ratios.ts';

const runs = [
  { arm: 'plain', round: 1, ms: 10 },
  { arm: 'auto', round: 1, ms: 12 },
  { arm: 'auto', round: 1, ms: 16 },
  { arm: 'plain', round: 1, ms: 18 },
  { arm: 'plain', round: 2, ms: 5 },
  { arm: 'auto', round: 2, ms: 10 },
];

describe('ratioPerRound', () => {
  it('divides the means of one round', () => {
    expect(ratioPerRound(runs, 'auto', 'plain', (run) => run.ms)).toEqual([1, 2]);
  });

  it('is 1 for the reference itself', () => {
    expect(ratioPerRound(runs, 'plain', 'plain', (run) => run.ms)).toEqual([1, 1]);
  });

  it('leaves out a round in which one of the two was not measured', () => {
    const cut = runs.filter(({ arm, round }) => arm === 'plain' || round === 1);
    expect(ratioPerRound(cut, 'auto', 'plain', (run) => run.ms)).toEqual([1]);
    expect(ratioPerRound(cut, 'observe', 'plain', (run) => run.ms)).toEqual([]);
  });

  it('is not moved by a machine that slows down steadily through a round of A B C C B A', () => {
    const order = ['a', 'b', 'c', 'c', 'b', 'a'];
    const slowing = order.map((arm, i) => ({ arm, round: 1, ms: 100 + 10 * i }));
    expect(ratioPerRound(slowing, 'b', 'a', (run) => run.ms)).toEqual([1]);
    expect(ratioPerRound(slowing, 'c', 'a', (run) => run.ms)).toEqual([1]);
  });
});
