import { type Evidence, noEvidence, observationsUntil, observe, wealth } from '../guard/evidence.ts';
import { HOPELESS, likelyLosses, type PilotLoss } from './pilot.ts';

/** What one rung has lost on kept inputs, each seen once, in the order of their arrival. */
export interface RungTest {
  readonly rung: number;
  /** β of the rung. */
  readonly sparsity: number;
  /** Part of the error probability that it has, relative to the others. */
  readonly weight: number;
  /** Mean loss that the pilot makes likely. */
  readonly likelyLoss: number;
  /** That the mean loss is below the allowed one. */
  readonly evidence: Evidence;
  /** The largest wealth that the evidence has had. */
  readonly peak: number;
  /** Sums of the losses so far, and of their squares. */
  readonly loss: number;
  readonly squares: number;
  /** Number of the first input that it has not seen; those before are never shown to it. */
  readonly next: number;
  /** Nothing is spent on it any more. */
  readonly isDropped: boolean;
}

/**
 * How a ladder is judged on kept inputs. `pilot`: which rungs are worth a test is still asked, of inputs that no test sees.
 * `tested`: one test for each of these, in increasing τ; of `every` requests one is kept, since neighbours resemble each other.
 */
export type RungTests =
  | { readonly kind: 'pilot' }
  | { readonly kind: 'tested'; readonly tests: readonly RungTest[]; readonly every: number };

export interface TestOptions {
  /** Mean loss that is allowed, 0–1. */
  readonly allowedLoss: number;
  /** Probability that any rung of the ladder is proven although its loss is above what is allowed. */
  readonly alpha: number;
}

/** Below all others, rungs of these shares of the lowest one's sparsity: something is proven though the pilot misled. */
const ANCHORS = [0.5, 0.7, 0.85] as const;
/** All rungs from this share up are tested, so that where the pilot promised too much the next lower one is at hand. */
const AT_HAND = 0.7;
/** Rungs that are likely to need so many times the inputs of a flawless one are proven as soon. */
const AS_SOON = 1.35;
/** Weights of a rung that is not likely to keep the objective or to matter, and of one that seems hopeless, against one that is likely to. */
const UNLIKELY = 1 / 3;
const SEEMS_HOPELESS = 0.05;
/** So many rungs that seem hopeless are tested, too: a pilot of some hundred requests may err. */
const BEYOND = 24;

/**
 * The tests that a pilot suggests: of every rung from somewhat below the highest that is likely to be proven as soon as any, up to
 * where all seem hopeless and some further, and a few far below. O(rungs · pilot).
 *
 * @param sparsities - β of every rung, increasing.
 * @param pilot - mean losses of some rungs.
 * @param next - number of the first input that the tests may see.
 * @param highest - the highest rung that may be tested.
 */
export function testsOf(
  sparsities: readonly number[],
  pilot: readonly PilotLoss[],
  next: number,
  { allowedLoss, alpha }: TestOptions,
  highest = sparsities.length - 1,
): readonly RungTest[] {
  const likely = likelyLosses(sparsities, pilot, allowedLoss);
  const none = noEvidence('below', allowedLoss);
  const needs = (loss: number) => observationsUntil(none, loss, alpha);
  const soon = AS_SOON * needs(Math.min(...likely));
  const first = Math.max(
    0,
    likely.findLastIndex((loss, rung) => rung <= highest && needs(loss) <= soon),
  );
  const hopeful = likely.findLastIndex((loss, rung) => rung <= highest && loss <= HOPELESS * allowedLoss);
  const last = Math.min(highest, Math.max(first, hopeful) + BEYOND);
  const rungOf = (share: number) =>
    sparsities.findLastIndex((sparsity) => sparsity <= share * sparsities[first]!);
  const anchors = ANCHORS.map(rungOf).filter((rung) => rung >= 0 && rung < first);
  const atHand = Math.max(0, rungOf(AT_HAND));
  const rungs = Array.from({ length: last - atHand + 1 }, (_, i) => atHand + i);
  return [...new Set([...anchors, ...rungs])]
    .sort((a, b) => a - b)
    .map((rung) => ({
      rung,
      sparsity: sparsities[rung]!,
      weight: rung < first && !anchors.includes(rung) ? UNLIKELY : weightOf(likely[rung]!, allowedLoss),
      likelyLoss: likely[rung]!,
      evidence: none,
      peak: 1,
      loss: 0,
      squares: 0,
      next,
      isDropped: false,
    }));
}

function weightOf(likelyLoss: number, allowedLoss: number): number {
  if (likelyLoss <= allowedLoss) return 1;
  return likelyLoss <= HOPELESS * allowedLoss ? UNLIKELY : SEEMS_HOPELESS;
}

/** Looks at a hopeless rung for the first time after so many inputs, then each time that there are twice as many. */
const FIRST_LOOK = 50;
/** Standard errors that the mean loss must be above what is allowed to be hopeless. */
const HOPELESS_ERRORS = 2.5;

/**
 * Takes in what a rung loses on one input, 0–1. One that was given up learns nothing, nor does one from an input that it was past.
 *
 * @param input - its number; below 0: of another replica, whose inputs have numbers of their own.
 */
export function tested(
  tests: readonly RungTest[],
  { rung, input, loss }: { readonly rung: number; readonly input: number; readonly loss: number },
  options: TestOptions,
): readonly RungTest[] {
  return tests.map((test) =>
    test.rung === rung && !test.isDropped && (input < 0 || input >= test.next)
      ? after(test, input, loss, options)
      : test,
  );
}

function after(test: RungTest, input: number, loss: number, { allowedLoss }: TestOptions): RungTest {
  const evidence = observe(test.evidence, loss);
  const next: RungTest = {
    ...test,
    evidence,
    peak: Math.max(test.peak, wealth(evidence)),
    loss: test.loss + loss,
    squares: test.squares + loss * loss,
    next: input < 0 ? test.next : input + 1,
  };
  const looks = evidence.observations / FIRST_LOOK;
  const isLook = looks >= 1 && Number.isInteger(Math.log2(looks));
  return isLook && isHopeless(next, allowedLoss) ? { ...next, isDropped: true } : next;
}

function isHopeless(test: RungTest, allowedLoss: number): boolean {
  const n = test.evidence.observations;
  const mean = meanLoss(test);
  const variance = Math.max(0, test.squares / n - mean * mean);
  return mean - HOPELESS_ERRORS * Math.sqrt(variance / n) > allowedLoss;
}

export function meanLoss({ loss, evidence }: RungTest): number {
  return loss / evidence.observations;
}

/**
 * The rungs that are proven: with weight w, once its wealth has been (weight of all that are not proven, itself included)/(w · α).
 *
 * One over the largest wealth is a p-value that holds whenever one looks (Ville), so this is Holm's procedure with weights: the
 * probability that any rung is proven whose loss is above what is allowed is at most α, whatever the losses have to do with each
 * other. O(tests²).
 * Sources: Holm 1979, "A simple sequentially rejective multiple test procedure"; Zecchin, Park & Simeone 2024, arXiv 2409.15844.
 */
export function provenRungs(
  tests: readonly RungTest[],
  { alpha }: Pick<TestOptions, 'alpha'>,
): readonly number[] {
  let open = tests;
  for (;;) {
    const total = open.reduce((sum, { weight }) => sum + weight, 0);
    const next = open.filter(({ peak, weight }) => peak * weight * alpha < total);
    if (next.length === open.length) break;
    open = next;
  }
  return tests.filter((test) => !open.includes(test)).map(({ rung }) => rung);
}

/** A test that could raise what is proven. */
export interface OpenTest {
  readonly test: RungTest;
  /** Inputs that it is likely to need still. */
  readonly inputs: number;
  /** Inputs that it needs still if it loses as little as it may. */
  readonly leastInputs: number;
  /** Sparsity that it may add for each of them, if it loses somewhat less than it seems to. */
  readonly promise: number;
}

/** The pilot's word counts as so many inputs. */
const LIKELY_WEIGHT = 100;
/** Size of a loss before any was seen, which counts as so much loss. */
const USUAL_SIZE = { size: 0.25, loss: 1 } as const;
/** Rungs that are so many apart tell each other 1/e of what they know. */
const NEAR = 3;
/** Standard errors that a loss may be below what is likely: where less is known there is more hope. */
const LUCKY = 1;

/**
 * The tests that could raise what is proven, the most promising first: the more sparsity for the fewer inputs. They get runs in
 * this order; which test gets one may depend on all that was seen, since each proves by its own losses alone. O(tests²).
 */
export function openTests(tests: readonly RungTest[], { alpha }: TestOptions): readonly OpenTest[] {
  const proven = new Set(provenRungs(tests, { alpha }));
  const highest = Math.max(-1, ...proven);
  const reached = tests.find(({ rung }) => rung === highest)?.sparsity ?? 0;
  const total = tests.reduce((sum, { rung, weight }) => sum + (proven.has(rung) ? 0 : weight), 0);
  const size = sizeOfLosses(tests);
  return tests
    .filter(({ rung, isDropped }) => !isDropped && rung > highest)
    .map((test) => {
      const level = (test.weight * alpha) / total;
      const { mean, error } = lossNow(test, tests, size);
      const inputsAt = (loss: number) => observationsUntil(test.evidence, Math.max(0, loss), level, size);
      const promise = (test.sparsity - reached) / Math.max(1, inputsAt(mean - LUCKY * error));
      return { test, inputs: inputsAt(mean), leastInputs: inputsAt(mean - HOPELESS_ERRORS * error), promise };
    })
    .sort((a, b) => b.promise - a.promise || a.test.rung - b.test.rung);
}

/** How much is lost where something is: about the same at all rungs. O(tests). */
function sizeOfLosses(tests: readonly RungTest[]): number {
  let sum: number = USUAL_SIZE.loss;
  let squares = USUAL_SIZE.size * sum;
  for (const { loss, squares: own } of tests) {
    sum += loss;
    squares += own;
  }
  return squares / sum;
}

/**
 * What a test is likely to go on losing, and the standard error of that, by its own inputs and by the pilot. Where the pilot has erred
 * at rungs nearby it is taken to have erred as much here, so that a rung that nobody has tried yet is not left alone for the pilot's
 * sake. O(tests).
 */
function lossNow(test: RungTest, tests: readonly RungTest[], size: number) {
  let [seen, expected] = [LIKELY_WEIGHT, LIKELY_WEIGHT];
  for (const { rung, likelyLoss, loss, evidence } of tests) {
    if (rung === test.rung) continue;
    const nearness = Math.exp(-Math.abs(rung - test.rung) / NEAR);
    seen += (nearness * loss) / likelyLoss;
    expected += nearness * evidence.observations;
  }
  const likely = (test.likelyLoss * seen) / expected;
  const { observations } = test.evidence;
  const mean = (LIKELY_WEIGHT * likely + test.loss) / (LIKELY_WEIGHT + observations);
  return { mean, error: Math.sqrt((mean * size) / (expected + observations)) };
}

/** The same tests without what they have seen. What was given up because production disagreed stays so. @param next - see `testsOf`. */
export function testsAnew(tests: readonly RungTest[], next: number): readonly RungTest[] {
  return tests.map((test) => {
    const evidence = noEvidence('below', test.evidence.mean);
    const anew = { ...test, evidence, loss: 0, squares: 0, next };
    return test.peak === 0 ? anew : { ...anew, peak: 1, isDropped: false };
  });
}

/** A rung whose answers disagreed in production, and all above it: whatever was proven, they are given up. */
export function withoutRungs(tests: readonly RungTest[], rung: number): readonly RungTest[] {
  return tests.map((test) => (test.rung >= rung ? { ...test, peak: 0, isDropped: true } : test));
}
