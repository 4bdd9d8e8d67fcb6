import { describe, expect, it } from 'vitest';
import { ProductionTally, TrafficTally } from '../../../src/tools/demo/summary.ts';

const answer = (threshold: number, ms: number, status = 200) => ({ status, threshold, ms });

describe('latencies of the demo', () => {
  it('are told apart by what answers say of themselves, in the seconds that have both kinds', () => {
    const tally = new TrafficTally();
    tally.add(answer(0, 100), 0.5, true);
    tally.add(answer(0, 2), 1.1, true);
    tally.add(answer(0, 50), 1.2, false);
    tally.add(answer(0.5, 3), 1.3, false);
    tally.add(answer(0.5, 5), 1.9, false);
    tally.add(answer(0.5, 90), 2.1, false);
    tally.add(answer(Number.NaN, 1, 503), 1.4, false);
    expect(tally.latency).toEqual({ denseP50: 2, prunedP50: 4 });
    expect([tally.requests, tally.non2xx]).toEqual([7, 1]);
  });

  it('are unknown while nothing is pruned', () => {
    const tally = new TrafficTally();
    tally.add(answer(0, 1), 0, true);
    expect(tally.latency).toEqual({ denseP50: null, prunedP50: null });
  });
});

describe('production of the demo', () => {
  const report = (exposure: number, sparsity: number | null, mean: number | null, rest = 0) => ({
    exposure,
    sparsity,
    production: { rest },
    loss: { mean },
    speedup: { ratio: 1 + exposure, low: 1, high: 2 },
    macsSkipped: exposure / 2,
  });

  it('has gained what was measured when most of it was pruned, and nothing when none was', () => {
    const tally = new ProductionTally();
    tally.add(report(0, 0, null));
    expect(tally.gain).toEqual({ speedup: { ratio: 1, low: 1, high: 1 }, macsSkipped: 0 });
    for (const exposure of [0.05, 0.25, 0.01]) tally.add(report(exposure, 0, null));
    expect(tally.gain).toEqual({ speedup: { ratio: 1.25, low: 1, high: 2 }, macsSkipped: 0.125 });
  });

  it('is all of it, dense answers included; losses are those of all answers', () => {
    const tally = new ProductionTally();
    tally.add(report(0, 0, 0.5));
    tally.add(report(0.5, 0.25, 0.25));
    tally.add(report(0.25, 0.5, 0.75, 0.125));
    tally.add(report(1, null, null));
    expect(tally.figures).toEqual({ exposure: 2.5 / 4, sparsity: 0.75 / 4, loss: (0.5 * 0.25 + 0.75) / 2 });
  });

  it('that was never pruned has lost nothing that anybody knows of', () => {
    expect(new ProductionTally().figures).toEqual({ exposure: 0, sparsity: 0, loss: null });
  });
});
