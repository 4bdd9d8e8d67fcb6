import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Sampler } from '../../src/loop/sampler.ts';
import { SearchBudget } from '../../src/loop/search-budget.ts';

const SEEKING = { isAtRest: false, isWorthIt: true, isDense: true };

/** One worker, and two processors that are busy with something else for a share of the time. */
class Machine {
  now = 0;
  productionMs = 0;
  shadowMs = 0;
  #idleMs = 0;
  samplingPays = false;
  isSaving = false;
  /** Share of its time that the thread that serves is busy. */
  serving = 0;
  #waitedMs = 0;
  readonly budget: SearchBudget;

  constructor({ searchBudget = 0.5, isKnown = true } = {}) {
    this.budget = new SearchBudget({
      sampling: { searchBudget, budget: 0.02 },
      runtime: { busy: this.#busy() },
      clock: {
        wallMs: () => 0,
        monotonicMs: () => this.now,
        waitedMs: () => this.#waitedMs,
        ...(isKnown && {
          processors: () => ({ atMs: this.now, idleMs: this.#idleMs, processors: 2 }),
        }),
      },
      samplingPays: () => this.samplingPays,
      isSaving: () => this.isSaving,
    });
  }

  #busy() {
    const machine = this;
    return {
      get productionMs() {
        return machine.productionMs;
      },
      get shadowMs() {
        return machine.shadowMs;
      },
      workers: 1,
    };
  }

  /** Ten milliseconds pass, in which as many runs of one are made as are paid for. @returns how many. */
  tick(production: number, others: number): number {
    this.now += 10;
    this.#waitedMs += 10 * (1 - this.serving);
    this.productionMs += 10 * production;
    let searchMs = 0;
    while (searchMs + 10 * production < 10 && this.budget.payer(SEEKING) === 'idle') {
      this.budget.spend('idle', 1);
      this.shadowMs += 1;
      searchMs += 1;
    }
    this.#idleMs += Math.max(0, 20 - 10 * (production + others) - searchMs);
    return searchMs;
  }
}

/** Share of ten seconds that the search takes. */
function shareOf(machine: Machine, production: number, others: number): number {
  let ms = 0;
  for (let at = 0; at < 1000; at++) ms += machine.tick(production, others);
  return ms / 10_000;
}

describe('idle time', () => {
  it('is that of the workers where processors are free', () => {
    expect(shareOf(new Machine(), 0.6, 0)).toBeCloseTo(0.2, 1);
  });

  it('is none where a worker waits but every processor is busy', () => {
    expect(shareOf(new Machine(), 0.4, 1.6)).toBeLessThan(0.01);
    expect(shareOf(new Machine({ isKnown: false }), 0.4, 1.6)).toBeCloseTo(0.3, 1);
  });

  it('is none while the thread that serves is busy', () => {
    const machine = new Machine();
    machine.serving = 1;
    expect(shareOf(machine, 0.4, 0)).toBeLessThan(0.01);
    machine.serving = 0.5;
    expect(shareOf(machine, 0.4, 0)).toBeCloseTo(0.3, 1);
  });

  it('is never more than the share of either, whatever the load', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 2, noNaN: true }),
        fc.double({ min: 0.05, max: 0.9, noNaN: true }),
        (production, others, searchBudget) => {
          const taken = shareOf(new Machine({ searchBudget }), production, others);
          const left = Math.min(1 - production, Math.max(0, 2 - production - others));
          expect(taken).toBeLessThanOrEqual(searchBudget * left + 0.012);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('is not spent on what would save none, nor at rest', () => {
    const { budget } = new Machine();
    expect(budget.payer({ ...SEEKING, isWorthIt: false })).toBe(null);
    expect(budget.payer({ ...SEEKING, isAtRest: true })).toBe(null);
  });
});

describe('where idle time does not pay', () => {
  it.each([
    ['half of what sampling may take does while production is dense', SEEKING, 'half', 0.5],
    ['a quarter of it does while it is pruned', { ...SEEKING, isDense: false }, 'quarter', 0.25],
    ['a quarter of it does at rest', { ...SEEKING, isAtRest: true }, 'quarter', 0.25],
  ] as const)('%s', (_, standing, payer, part) => {
    const machine = new Machine({ searchBudget: 0 });
    expect(machine.budget.payer(standing)).toBe(null);
    machine.samplingPays = true;
    let spentMs = 0;
    for (let at = 0; at < 100_000; at++) {
      machine.now += 1;
      for (; machine.budget.payer(standing) === payer; spentMs++) machine.budget.spend(payer, 1);
    }
    expect(spentMs / 100_000).toBeLessThanOrEqual(part * 0.02 + 1e-5);
    expect(spentMs / 100_000).toBeGreaterThan(0.9 * part * 0.02);
  });

  it('samples of the traffic are taken, too, while a search goes on and what was spent on a surprise is saved again', () => {
    const options = { ratio: 0.2, budget: 0.02 };
    const sampler = new Sampler(options);
    const machine = { now: 0, shadowMs: 0, samples: 0 };
    const spending = () => ({ shadowMs: machine.shadowMs, workers: 1 });
    const budget = new SearchBudget({
      sampling: { searchBudget: 0.5, budget: options.budget },
      // Production takes all of the time that nothing else does.
      runtime: {
        busy: {
          get productionMs() {
            return machine.now - machine.shadowMs;
          },
          get shadowMs() {
            return machine.shadowMs;
          },
          workers: 1,
        },
      },
      clock: { wallMs: () => 0, monotonicMs: () => machine.now },
      samplingPays: () => sampler.pays(machine.now, spending()),
      isSaving: () => sampler.isSaving,
    });
    while (sampler.decide(0, machine.now, spending(), 'urgent') === 'sample') machine.shadowMs += 2;
    for (; machine.now < 20_000; machine.now += 10) {
      for (let payer = budget.payer(SEEKING); payer !== null; payer = budget.payer(SEEKING)) {
        budget.spend(payer, 1);
        machine.shadowMs += payer === 'idle' ? 0 : 1;
      }
      const position = sampler.position(undefined);
      if (sampler.decide(position, machine.now, spending()) !== 'sample') continue;
      machine.samples++;
      machine.shadowMs += 2;
    }
    // A quarter of what comes in: 400 ms in 20 s.
    expect(machine.samples * 2).toBeGreaterThan(0.8 * 0.25 * 400);
  });
});
