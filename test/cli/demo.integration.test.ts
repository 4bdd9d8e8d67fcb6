import { describe, expect, it } from 'vitest';
import { taustat } from './command.ts';

describe('taustat demo --json', () => {
  it('ends by itself with one JSON line that tells what happened', async () => {
    const { code, stdout, stderr } = await taustat('demo', '--seconds', '24', '--json');
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    const summary = JSON.parse(lines[0]!);
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
      ]),
    );
    expect(summary.requests).toBeGreaterThan(500);
    expect(summary.non2xx).toBe(0);
    expect(summary.criticalThreshold).toBeGreaterThan(0);
    expect(summary.sparsity).toBeGreaterThan(0.05);
    expect(summary.agreement).toBeGreaterThanOrEqual(0.95);
    expect(summary.drift.injectedAt).toBe(12);
    expect(summary.drift.detectedAt).toBeGreaterThan(12);
    expect(summary.thresholdChanges[0].from).toBe(0);
    expect(['agreement-proven', 'ramped']).toContain(summary.thresholdChanges[0].reason);
    expect(stderr).toMatch(/tracking/);
  });
});
