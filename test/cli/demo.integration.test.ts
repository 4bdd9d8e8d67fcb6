import { describe, expect, it } from 'vitest';
import { taustat } from './command.ts';

/**
 * The demo is as fast as the machine: one that is busy gets more time for the same events. Where that is too little to find a
 * threshold, nothing is pruned, and that is what the demo says.
 */
async function demoThatIsLongEnough() {
  for (const seconds of [36, 90, 180]) {
    const { code, stdout, stderr } = await taustat('demo', '--seconds', String(seconds), '--json');
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    const summary = JSON.parse(lines[0]!);
    const isAnswered = summary.thresholdChanges.length > 0 || seconds > 36;
    const isFound = summary.criticalThreshold !== null;
    if (summary.drift.detectedAt !== null && isAnswered && isFound) return { seconds, summary, stderr };
  }
  throw new Error('three minutes were not enough to find a critical point and to notice a drift');
}

describe('taustat demo --json', () => {
  it('ends by itself with one JSON line that tells what happened', async () => {
    const { seconds, summary, stderr } = await demoThatIsLongEnough();
    expect(Object.keys(summary)).toEqual(
      expect.arrayContaining([
        'requests',
        'non2xx',
        'criticalThreshold',
        'sparsity',
        'agreement',
        'drift',
        'thresholdChanges',
        'latency',
        'loss',
        'exposure',
        'speedup',
      ]),
    );
    expect(summary.requests).toBeGreaterThan(0);
    expect(summary.non2xx).toBe(0);
    expect(summary.criticalThreshold).toBeGreaterThan(0);
    expect(summary.drift.injectedAt).toBe(seconds / 2);
    expect(summary.drift.detectedAt).toBeGreaterThan(seconds / 2);
    const { ratio, low, high } = summary.speedup;
    expect(low).toBeLessThanOrEqual(ratio);
    expect(ratio).toBeLessThanOrEqual(high);
    if (summary.thresholdChanges.length === 0) {
      expect([summary.exposure, summary.sparsity, ratio]).toEqual([0, 0, 1]);
      return;
    }
    expect(summary.exposure).toBeGreaterThan(0);
    expect(summary.exposure).toBeLessThan(1);
    expect(summary.sparsity).toBeGreaterThan(0);
    expect(summary.sparsity).toBeLessThan(summary.exposure);
    // On a busy machine little of production is compared, or nothing: what may be asked of the mean of few answers is less.
    const beyond = (rate: number) => 4 * Math.sqrt((rate * (1 - rate)) / Math.max(1, summary.compared));
    expect(summary.agreement ?? 1).toBeGreaterThanOrEqual(0.95 - beyond(0.05));
    const { mean, allowed } = summary.loss;
    expect(mean ?? 0).toBeLessThanOrEqual(allowed + beyond(allowed));
    expect(summary.thresholdChanges[0].from).toBe(0);
    expect(['agreement-proven', 'ramped', 'time']).toContain(summary.thresholdChanges[0].reason);
    // Whether a phase that lasts less than a second is seen depends on the machine; that there is a first one does not.
    expect(stderr).toMatch(/warming/);
  }, 600_000);
});
