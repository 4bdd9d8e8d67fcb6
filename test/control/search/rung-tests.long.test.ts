import { describe, expect, it } from 'vitest';
import { provenRungs, tested, testsOf } from '../../../src/control/search/rung-tests.ts';
import { xorshift } from '../../../src/drift/xorshift.ts';

const OPTIONS = { allowedLoss: 0.05, alpha: 0.05 };
const RUNGS = 24;
const BAD = 1.01 * OPTIONS.allowedLoss;
const SEARCHES = 60;
const INPUTS = 1000;

type Losses = (random: () => number) => readonly number[];

/** Whether a search proves a rung whose mean loss is above what is allowed. Rungs take turns at random, each input once. */
function errs(seed: number, lossesOf: Losses, isBad: (rung: number) => boolean): boolean {
  const random = xorshift(seed + 1);
  for (let i = 0; i < 20; i++) random();
  const sparsities = Array.from({ length: RUNGS }, (_, i) => (i + 1) / (RUNGS + 1));
  let tests = testsOf(
    sparsities,
    [
      [0, 0.3 * OPTIONS.allowedLoss],
      [RUNGS - 1, BAD],
    ],
    0,
    OPTIONS,
  );
  for (let input = 0; input < INPUTS; input++) {
    const losses = lossesOf(random);
    tests = tests.map((test) =>
      test.isDropped
        ? test
        : tested([test], { rung: test.rung, input, loss: losses[test.rung]! }, OPTIONS)[0]!,
    );
    if (input % 25 === 24 && provenRungs(tests, OPTIONS).some(isBad)) return true;
  }
  return provenRungs(tests, OPTIONS).some(isBad);
}

function errorRate(lossesOf: Losses, isBad: (rung: number) => boolean): number {
  let wrong = 0;
  for (let seed = 1; seed <= SEARCHES; seed++) if (errs(seed, lossesOf, isBad)) wrong++;
  return wrong / SEARCHES;
}

const every = (value: (rung: number) => number) => Array.from({ length: RUNGS }, (_, rung) => value(rung));
/** α, and three standard errors of the simulation. */
const LIMIT = OPTIONS.alpha + 3 * Math.sqrt((OPTIONS.alpha * (1 - OPTIONS.alpha)) / SEARCHES);

describe('a search proves a rung beyond the objective in at most α of searches', () => {
  it.each<[string, Losses, (rung: number) => boolean]>([
    [
      'all rungs just beyond, whole losses, the same inputs',
      (random) => {
        const u = random();
        return every(() => (u < BAD ? 1 : 0));
      },
      () => true,
    ],
    ['all rungs just beyond, each on its own', (random) => every(() => (random() < BAD ? 1 : 0)), () => true],
    ['all rungs just beyond, small losses', (random) => every(() => 2 * BAD * random()), () => true],
    [
      'islands: every third rung is bad, the others are flawless',
      (random) => {
        const u = random();
        return every((rung) => (rung % 3 === 0 && u < BAD ? 1 : 0));
      },
      (rung) => rung % 3 === 0,
    ],
    [
      'loss grows with the rung, and passes the objective',
      (random) => {
        const u = random();
        return every((rung) => (u < (BAD * (rung + 1)) / 12 ? 1 : 0));
      },
      (rung) => rung >= 11,
    ],
    [
      'ten inputs that come again and again, in any order',
      (() => {
        const pool = Array.from({ length: 1000 }, (_, i) => (i < 1000 * BAD ? 1 : 0));
        return (random: () => number) => {
          const loss = pool[Math.floor(random() * pool.length)]!;
          return every(() => loss);
        };
      })(),
      () => true,
    ],
  ])('%s', (_, losses, isBad) => {
    expect(errorRate(losses, isBad)).toBeLessThanOrEqual(LIMIT);
  });

  it.each([3, 10])('requests in runs of %d that are alike, kept twice as far apart', (length) => {
    expect(errorRate(inRuns(length, 2 * length), () => true)).toBeLessThanOrEqual(LIMIT);
  });

  it('which requests in runs would not keep if they were kept side by side', () => {
    expect(errorRate(inRuns(10, 1), () => true)).toBeGreaterThan(2 * LIMIT);
  });

  it('and is seen to prove: rungs that are well below it, in every search', () => {
    expect(
      errorRate(
        (random) => every(() => (random() < 0.2 * BAD ? 1 : 0)),
        () => true,
      ),
    ).toBe(1);
  });
});

/** Losses of requests in runs of a mean length, within which all lose the same, so many requests apart. */
function inRuns(length: number, apart: number): Losses {
  let loss = 0;
  return (random) => {
    for (let i = 0; i < apart; i++) if (random() < 1 / length) loss = random() < BAD ? 1 : 0;
    return every(() => loss);
  };
}
