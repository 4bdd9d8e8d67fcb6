import { openTests, type RungTest, type TestOptions } from '../control/search/rung-tests.ts';
import type { Search } from '../control/search/search.ts';

/** Results between two rankings: a ranking costs as much as some of them. */
const RANK_EVERY = 64;

/** The tests of a search that runs are spent on. */
export interface RankedTests {
  /** The most promising first, as they are now. */
  readonly open: readonly RungTest[];
  /** Inputs that the first is likely to need still, when they were ranked. */
  readonly inputs: number;
  /** Whether one of them may raise what is proven before long, or nobody knows yet, when they were ranked. */
  readonly isHopeful: boolean;
}

const NONE: RankedTests = { open: [], inputs: 0, isHopeful: false };
/** Before the first has seen so many, nobody knows how many it needs. */
const KNOWN_INPUTS = 1000;

/** Keeps the open tests of a search in the order of what they promise, ranked again after every so many results. */
export class TestRanking {
  readonly #options: TestOptions;
  readonly #mostInputs: number;
  /** Of which search this is: each has an array of its own. */
  #rungs: Search['rungs'] | null = null;
  #tests: readonly RungTest[] = [];
  #positions: readonly number[] = [];
  #ranked = NONE;
  #results = 0;

  /** @param mostInputs - a test has no more hope once it has seen so many inputs, or would need so many more if it loses as little as it may. */
  constructor(options: TestOptions, mostInputs: number) {
    this.#options = options;
    this.#mostInputs = mostInputs;
  }

  /** O(1) for tests that have not changed since. */
  of({ rungs, tests }: Pick<Search, 'rungs' | 'tests'>): RankedTests {
    if (tests?.kind !== 'tested') return NONE;
    const all = tests.tests;
    if (rungs === this.#rungs && all === this.#tests) return this.#ranked;
    if (rungs !== this.#rungs || this.#results >= RANK_EVERY) this.#rank(all);
    else {
      const open = this.#positions.map((i) => all[i]!).filter(({ isDropped }) => !isDropped);
      this.#ranked = { ...this.#ranked, open, isHopeful: this.#ranked.isHopeful && open.length > 0 };
      this.#results++;
    }
    this.#rungs = rungs;
    this.#tests = all;
    return this.#ranked;
  }

  #rank(all: readonly RungTest[]): void {
    const ranked = openTests(all, this.#options);
    this.#positions = ranked.map(({ test }) => all.indexOf(test));
    const open = ranked.map(({ test }) => test);
    const isHopeful = ranked.some(({ test, leastInputs }, i) => {
      const { observations } = test.evidence;
      const isUnknown = i === 0 && observations < KNOWN_INPUTS;
      return observations < this.#mostInputs && (isUnknown || leastInputs < this.#mostInputs);
    });
    this.#ranked = { open, inputs: ranked[0]?.inputs ?? 0, isHopeful };
    this.#results = 0;
  }
}
