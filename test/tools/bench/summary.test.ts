import { describe, expect, it } from 'vitest';
import type { Arm } from '../../../src/tools/bench/arms.ts';
import type { ArmRun, Comparison } from '../../../src/tools/bench/comparison.ts';
import { comparisonText } from '../../../src/tools/bench/report.ts';
import { summarize } from '../../../src/tools/bench/summary.ts';

function run(arm: Arm, round: number, ms: number, more: Partial<ArmRun> = {}): ArmRun {
  return {
    arm,
    batch: 1,
    round,
    load: {
      requests: 100,
      seconds: 1,
      throughput: 1000 / ms,
      latency: { p50: ms, p90: 2 * ms, p99: 3 * ms },
      non2xx: 0,
      errors: 0,
    },
    loopLagP99Ms: 1,
    rssBeforeBytes: 100 * 2 ** 20,
    rssAfterBytes: 110 * 2 ** 20,
    shadow: { ok: 5, dropped: 1, failed: 0 },
    inferMs: ms / 2,
    exposure: 0,
    sparsity: null,
    threshold: 0,
    state: 'off',
    ...more,
  };
}

const pruned = { exposure: 1, sparsity: 0.25, threshold: 0.125, state: 'tracking' };
const runs = [
  run('plain', 1, 4),
  run('auto', 1, 5, pruned),
  run('auto', 1, 5, pruned),
  run('plain', 1, 4),
  run('plain', 2, 2),
  run('auto', 2, 3, { ...pruned, loopLagP99Ms: 9, rssAfterBytes: 120 * 2 ** 20 }),
  run('auto', 2, 3, { ...pruned, state: 'trial' }),
  run('plain', 2, 2),
];

describe('summarize', () => {
  const [plain, auto] = summarize(runs, 'plain');

  it('takes ratios per round', () => {
    expect(auto!.ratio.latencyP50).toEqual({ median: 1.375, low: 1.25, high: 1.5 });
    expect(auto!.ratio.throughput.low).toBeCloseTo(2 / 3, 12);
    expect(auto!.ratio.throughput.high).toBeCloseTo(0.8, 12);
    expect(plain!.ratio.latencyP50).toEqual({ median: 1, low: 1, high: 1 });
  });

  it('says time that was lost as negative', () => {
    expect(auto!.timeSavedRatio).toEqual({ median: -0.375, low: -0.5, high: -0.25 });
    expect(plain!.timeSavedRatio).toBeNull();
  });

  it('saves no time where no answer was pruned, and says how many were', () => {
    const idle = runs.map((r) => ({ ...r, exposure: 0 }));
    expect(summarize(idle, 'plain')[1]).toMatchObject({ timeSavedRatio: null, trackingRuns: 0 });
    const part = runs.map((r, i) => (r.arm === 'auto' ? { ...r, exposure: i < 3 ? 0.05 : 0.25 } : r));
    const [, ramped] = summarize(part, 'plain');
    expect(ramped!.exposure).toEqual({ median: 0.15, low: 0.05, high: 0.25 });
    expect(ramped!.timeSavedRatio).not.toBeNull();
  });

  it('has an interval within one round too: what changed between its runs', () => {
    const round = [run('plain', 1, 4), run('auto', 1, 6), run('auto', 1, 3), run('plain', 1, 2)];
    expect(summarize(round, 'plain')[1]!.ratio.latencyP50).toEqual({ median: 1.5, low: 1.5, high: 1.5 });
    const slower = [run('plain', 1, 4), run('auto', 1, 4), run('auto', 1, 4), run('plain', 1, 2)];
    expect(summarize(slower, 'plain')[1]!.ratio.latencyP50).toEqual({ median: 4 / 3, low: 1, high: 2 });
  });

  it('adds up counts and takes medians of the rest', () => {
    expect(auto).toMatchObject({ batch: 1, runs: 4, requests: 400, threshold: 0.125, sparsity: 0.25 });
    expect(auto!.shadow).toEqual({ ok: 20, dropped: 4, failed: 0 });
    expect(auto!.latency).toEqual({ p50: 4, p90: 8, p99: 12 });
    expect(auto!.loopLagP99Ms).toEqual({ median: 1, low: 1, high: 9 });
    expect(auto!.trackingRuns).toBe(3);
    expect(auto!.rssBeforeBytes).toBe(100 * 2 ** 20);
  });

  it('keeps batch sizes apart', () => {
    const both = summarize([...runs, run('plain', 1, 40, { batch: 16 })], 'plain');
    expect(both.map(({ batch, arm }) => [batch, arm])).toEqual([
      [1, 'plain'],
      [1, 'auto'],
      [16, 'plain'],
    ]);
    expect(both[2]!.latency.p50).toBe(40);
    expect(both[0]!.latency.p50).toBe(3);
  });
});

describe('comparisonText', () => {
  const settled = {
    batch: 1,
    isTracking: true,
    state: 'tracking',
    threshold: 0.125,
    exposure: 1,
    seconds: 3,
  };
  const comparison: Comparison = { runs, settled: [settled] };

  it('shows sparsity and time saved side by side, and says that pruned is slower', () => {
    const text = comparisonText(comparison, 'plain');
    expect(text).toMatch(
      /auto .*100\.0 % \[100\.0 % – 100\.0 %\] +25\.0 % +-37\.5 % \[-50\.0 % – -25\.0 %\]/,
    );
    expect(text).toContain(
      'auto is 37.5 % [25.0 % – 50.0 %] slower in the model than the dense one, with 100.0 % of its answers pruned, sparsity 25.0 %',
    );
    expect(text).toContain('1.375 [1.250 – 1.500]');
  });

  it('says in how many runs a threshold was applied', () => {
    expect(comparisonText(comparison, 'plain')).toContain('pruned most answers in 3 of 4 runs only');
  });

  it('says when no threshold was found in time', () => {
    const never = {
      ...settled,
      isTracking: false,
      state: 'featureless',
      threshold: 0,
      exposure: 0,
      seconds: 60,
    };
    const dense = runs.map((r) => ({ ...r, exposure: 0, sparsity: 0, threshold: 0, state: 'featureless' }));
    const text = comparisonText({ runs: dense, settled: [never] }, 'plain');
    expect(text).toContain('after 60 s under load (state featureless) auto applied no threshold');
    expect(text).not.toContain('slower in the model');
    expect(text).toMatch(/auto +2\.000 +0\.00 +– +– +– /);
  });
});
