import { expect, it } from 'vitest';
import { type RungTest, tested, testsOf } from '../../src/control/search/rung-tests.ts';
import { TestRanking } from '../../src/loop/test-ranking.ts';

const OPTIONS = { allowedLoss: 0.05, alpha: 0.01 };
const RUNGS = Array.from({ length: 8 }, (_, i) => ({ threshold: (i + 1) / 10, sparsity: (i + 1) / 10 }));
const fresh = () =>
  testsOf(
    RUNGS.map(({ sparsity }) => sparsity),
    [[7, 0.02]],
    0,
    OPTIONS,
  );
const searchOf = (tests: readonly RungTest[], rungs = RUNGS) => ({
  rungs,
  tests: { kind: 'tested', tests, every: 1 } as const,
});

it('ranks a second search anew, also where it has as many tests as the first, of which none was open', () => {
  const ranking = new TestRanking(OPTIONS, 16_000);
  const done = fresh().map((test) => ({ ...test, peak: 1e9 }));
  expect(ranking.of(searchOf(done)).open).toEqual([]);
  const next = searchOf(fresh(), [...RUNGS]);
  expect(ranking.of(next).open).toHaveLength(done.length);
  expect(ranking.of(next)).toBe(ranking.of(next));
});

it('shows tests as they are now, without what was given up, and ranks them again after 64 results', () => {
  const ranking = new TestRanking(OPTIONS, 16_000);
  let tests = fresh();
  const [best] = ranking.of(searchOf(tests)).open;
  for (let input = 0; input < 60; input++) {
    tests = tested(tests, { rung: best!.rung, input, loss: 0.04 }, OPTIONS);
    expect(ranking.of(searchOf(tests)).open[0]).toBe(tests.find(({ rung }) => rung === best!.rung));
  }
  const dropped = tests.map((test) => (test.rung === best!.rung ? { ...test, isDropped: true } : test));
  expect(ranking.of(searchOf(dropped)).open.some(({ rung }) => rung === best!.rung)).toBe(false);
  for (let input = 60; input < 70; input++) {
    tests = tests.map((test) => (test.rung === 7 ? { ...test, peak: 1e9, next: input } : test));
    ranking.of(searchOf(tests));
  }
  expect(ranking.of(searchOf(tests)).open).toEqual([]);
});

it('is empty while a pilot is asked, and without tests', () => {
  const ranking = new TestRanking(OPTIONS, 16_000);
  expect(ranking.of({ rungs: RUNGS, tests: { kind: 'pilot' } }).open).toEqual([]);
  expect(ranking.of({ rungs: RUNGS, tests: null }).open).toEqual([]);
});

it('has hope while any test may soon be proven, whatever the most promising one needs, and none where all are far off', () => {
  const seen = (test: RungTest, inputs: number, loss: number) => {
    let [now] = [test];
    for (let input = 0; input < inputs; input++)
      [now] = tested([now], { rung: test.rung, input, loss }, OPTIONS) as [RungTest];
    return now;
  };
  const tests = fresh();
  expect(new TestRanking(OPTIONS, 16_000).of(searchOf(tests)).isHopeful).toBe(true);
  const brink = tests.map((test) => (test.rung === 7 ? seen(test, 1500, 0.0498) : test));
  expect(new TestRanking(OPTIONS, 16_000).of(searchOf(brink)).isHopeful).toBe(true);
  const far = tests.map((test) => seen(test, 16_000, 0.0499));
  expect(new TestRanking(OPTIONS, 16_000).of(searchOf(far)).isHopeful).toBe(false);
  const proven = tests.map((test) => ({ ...test, peak: 1e9 }));
  expect(new TestRanking(OPTIONS, 16_000).of(searchOf(proven)).isHopeful).toBe(false);
});
