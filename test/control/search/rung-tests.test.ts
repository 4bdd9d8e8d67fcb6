import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noEvidence, observe, wealth } from '../../../src/control/guard/evidence.ts';
import { HOPELESS, type PilotLoss } from '../../../src/control/search/pilot.ts';
import {
  openTests,
  provenRungs,
  type RungTest,
  tested,
  testsOf,
  withoutRungs,
} from '../../../src/control/search/rung-tests.ts';

const OPTIONS = { allowedLoss: 0.01, alpha: 0.01 };
const SPARSITIES = Array.from({ length: 40 }, (_, i) => (i + 1) / 50);
/** Loss that doubles every three rungs, .01 at the thirtieth. */
const lossAt = (rung: number) => 0.01 * 2 ** ((rung - 30) / 3);
const PILOT: readonly PilotLoss[] = [15, 25, 28, 29, 33, 34].map((rung) => [rung, lossAt(rung)]);

const weighted = fc.record({
  weight: fc.constantFrom(1, 1 / 3),
  peak: fc.double({ min: 0, max: 20, noNaN: true }).map(Math.exp),
});

function testsWith(parts: readonly { readonly weight: number; readonly peak: number }[]): RungTest[] {
  const [test] = testsOf([0.5], [[0, 0]], 0, OPTIONS);
  return parts.map((part, rung) => ({ ...test!, rung, sparsity: rung / 100, ...part }));
}

describe('the tests of a ladder', () => {
  it('are of every rung from somewhat below the last easy one to where all seem hopeless and some further, and of a few below', () => {
    const tests = testsOf(SPARSITIES, PILOT, 7, OPTIONS);
    const [below, rest] = [tests.slice(0, 1), tests.slice(1)];
    const rungs = rest.map(({ rung }) => rung);
    expect(rungs).toEqual(Array.from({ length: rungs.length }, (_, i) => rungs[0]! + i));
    const easy = tests.findLast(({ likelyLoss }) => likelyLoss < 0.0034)!;
    for (const [{ sparsity }, share] of [
      [below[0]!, 0.5],
      [rest[0]!, 0.7],
    ] as const) {
      expect(sparsity).toBeLessThanOrEqual(share * easy.sparsity);
      expect(sparsity).toBeGreaterThan(share * easy.sparsity - 0.03);
    }
    const hopeful = rest.filter(({ likelyLoss }) => likelyLoss <= HOPELESS * OPTIONS.allowedLoss);
    expect(hopeful.at(-1)!.rung).toBe(33);
    expect(rest.at(-1)!.rung).toBe(SPARSITIES.length - 1);
    // What seems hopeless makes the others wait no longer, by much.
    const weightOf = (tests: readonly RungTest[]) => tests.reduce((sum, { weight }) => sum + weight, 0);
    expect(weightOf(rest) - weightOf(hopeful)).toBeLessThan(0.1 * weightOf(hopeful));
    expect(tests.every(({ next, isDropped }) => next === 7 && !isDropped)).toBe(true);
  });

  it('are never none, and never above what they may reach', () => {
    const pilot = fc.array(fc.tuple(fc.nat(39), fc.double({ min: 0, max: 1, noNaN: true })), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(pilot, fc.nat(39), (losses, highest) => {
        const tests = testsOf(SPARSITIES, losses, 0, OPTIONS, highest);
        const rungs = tests.map(({ rung }) => rung);
        expect(rungs.length).toBeGreaterThan(0);
        expect(rungs).toEqual([...new Set(rungs)].sort((a, b) => a - b));
        expect(Math.max(...rungs)).toBeLessThanOrEqual(highest);
      }),
    );
  });

  it('see each input once, in order, and nothing of what other rungs lost', () => {
    const [first, second] = testsOf(SPARSITIES, PILOT, 100, OPTIONS);
    let tests: readonly RungTest[] = [first!, second!];
    const { rung } = first!;
    for (const input of [99, 100, 100, 103, 101, 104])
      tests = tested(tests, { rung, input, loss: 0.5 }, OPTIONS);
    let evidence = noEvidence('below', OPTIONS.allowedLoss);
    for (let i = 0; i < 3; i++) evidence = observe(evidence, 0.5);
    expect(tests[0]).toMatchObject({ evidence, next: 105, loss: 1.5, squares: 0.75, peak: 1 });
    expect(tests[1]).toBe(second);
  });

  it('remember the largest wealth', () => {
    let [test] = testsOf(SPARSITIES, PILOT, 0, OPTIONS);
    for (let input = 0; input < 300; input++)
      [test] = tested([test!], { rung: test!.rung, input, loss: 0 }, OPTIONS);
    const before = test!.peak;
    expect(before).toBeCloseTo(wealth(test!.evidence), 9);
    for (let input = 300; input < 310; input++)
      [test] = tested([test!], { rung: test!.rung, input, loss: 1 }, OPTIONS);
    expect(wealth(test!.evidence)).toBeLessThan(before);
    expect(test!.peak).toBe(before);
  });

  it('are given up where the mean loss is clearly above what is allowed, and not before 50 inputs', () => {
    let [test] = testsOf(SPARSITIES, PILOT, 0, OPTIONS);
    const rung = test!.rung;
    for (let input = 0; input < 49; input++)
      [test] = tested([test!], { rung, input, loss: (input % 10) / 50 }, OPTIONS);
    expect(test!.isDropped).toBe(false);
    [test] = tested([test!], { rung, input: 49, loss: 0.1 }, OPTIONS);
    expect(test!.isDropped).toBe(true);
  });
});

describe('what is proven', () => {
  /** Holm's procedure as a closed test: a rung is rejected where every set that holds it is, by its best member. */
  function closed(tests: readonly RungTest[], { alpha }: typeof OPTIONS): number[] {
    const sets = Array.from({ length: 2 ** tests.length }, (_, bits) =>
      tests.filter((_, i) => (bits >> i) & 1),
    ).slice(1);
    const isRejected = (set: readonly RungTest[]) => {
      const total = set.reduce((sum, { weight }) => sum + weight, 0);
      return set.some(({ weight, peak }) => peak * weight * alpha >= total);
    };
    const kept = sets.filter((set) => !isRejected(set));
    return tests.filter((test) => !kept.some((set) => set.includes(test))).map(({ rung }) => rung);
  }

  it('is what the closed test of weighted Bonferroni rejects', () => {
    fc.assert(
      fc.property(fc.array(weighted, { minLength: 1, maxLength: 8 }), (parts) => {
        const tests = testsWith(parts);
        expect(provenRungs(tests, OPTIONS)).toEqual(closed(tests, OPTIONS));
      }),
    );
  });

  it('never becomes less by more wealth', () => {
    fc.assert(
      fc.property(fc.array(weighted, { minLength: 1, maxLength: 12 }), fc.nat(11), (parts, which) => {
        const before = provenRungs(testsWith(parts), OPTIONS);
        const more = parts.map((part, i) => (i === which ? { ...part, peak: 3 * part.peak } : part));
        expect(provenRungs(testsWith(more), OPTIONS)).toEqual(expect.arrayContaining([...before]));
      }),
    );
  });

  it('is given up with a rung that disagreed in production, and with all above it, for good', () => {
    const tests = withoutRungs(testsWith(Array(6).fill({ weight: 1, peak: 1e9 })), 3);
    expect(provenRungs(tests, OPTIONS)).toEqual([0, 1, 2]);
    expect(openTests(tests, OPTIONS)).toEqual([]);
  });
});

describe('open tests', () => {
  it('are those above what is proven that were not given up, the most sparsity for the fewest inputs first', () => {
    const tests = testsOf(SPARSITIES, PILOT, 0, OPTIONS);
    const open = openTests(tests, OPTIONS);
    expect(open).toHaveLength(tests.length);
    const promises = open.map(({ promise }) => promise);
    expect(promises).toEqual([...promises].sort((a, b) => b - a));
    for (const { inputs, leastInputs } of open) expect(leastInputs).toBeLessThanOrEqual(inputs);
    const third = tests[2]!;
    const after = tests.map((test) => (test === third ? { ...test, peak: 1e9 } : test));
    expect(openTests(after, OPTIONS).every(({ test }) => test.rung > third.rung)).toBe(true);
  });

  it('take the pilot to have erred where it erred nearby, and hardly far away', () => {
    const fresh = testsOf(SPARSITIES, PILOT, 0, OPTIONS);
    const needs = (tests: readonly RungTest[], rung: number) =>
      openTests(tests, OPTIONS).find(({ test }) => test.rung === rung)!.inputs;
    for (const [share, isMore] of [
      [0.3, false],
      [3, true],
    ] as const) {
      let tests = fresh;
      const tried = fresh.find(({ rung }) => rung === 26)!;
      for (let input = 0; input < 600; input++)
        tests = tested(tests, { rung: 26, input, loss: share * tried.likelyLoss }, OPTIONS);
      const ratio = (rung: number) => needs(tests, rung) / needs(fresh, rung);
      expect(ratio(27) > 1).toBe(isMore);
      expect(Math.abs(Math.log(ratio(27)))).toBeGreaterThan(3 * Math.abs(Math.log(ratio(16))));
    }
  });

  it('need more inputs where what is lost is lost at once', () => {
    const needs = (size: number) => {
      let tests = testsOf(SPARSITIES, PILOT, 0, OPTIONS);
      // A mean loss of .005.
      const every = Math.round(200 * size);
      for (let input = 1; input <= 1000; input++)
        tests = tested(tests, { rung: 27, input, loss: input % every === 0 ? size : 0 }, OPTIONS);
      return openTests(tests, OPTIONS).find(({ test }) => test.rung === 27)!.inputs;
    };
    expect(needs(0.5)).toBeGreaterThan(1.2 * needs(0.02));
  });
});
