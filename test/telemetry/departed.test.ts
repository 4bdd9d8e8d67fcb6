import { describe, expect, it } from 'vitest';
import { RequestCounter } from '../../src/models/served/request-counter.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';

const HOUR_MS = 3_600_000;
const VERSIONS = ['1', '2'].map((version) => ({ model: 'm', version }));

describe('the counts of a version that no longer answers', () => {
  const metrics = new Metrics();
  const exported = async () => {
    const { body } = await metrics.expose(undefined);
    const ofVersions = [...body.matchAll(/^(\w+)\{.*version="(\d)".*\} /gm)];
    return ofVersions.map(([, name, version]) => `${name} ${version}`);
  };

  it('stay for an hour, and are then forgotten with all their series', async () => {
    for (const of of VERSIONS) {
      const counter = new RequestCounter(of, metrics, () => undefined);
      counter.answered({
        rows: 1,
        threshold: 0,
        result: { outputs: [], queueMs: 1, inferMs: 1 },
        totalMs: 2,
      });
      counter.countWaiting();
      metrics.batchRequests.observe(of, 2);
    }
    await metrics.forgetDeparted(VERSIONS, 0);
    const both = await exported();
    await metrics.forgetDeparted([VERSIONS[1]!], 10);
    await metrics.forgetDeparted([VERSIONS[1]!], 10 + HOUR_MS);
    expect(await exported()).toEqual(both);
    await metrics.forgetDeparted([VERSIONS[1]!], 11 + HOUR_MS);
    const left = await exported();
    expect(left).toEqual(both.filter((series) => series.endsWith(' 2')));
    expect(left.length).toBe(both.length / 2);
    expect(new Set(left)).toContain('taustat_batch_requests_bucket 2');
  });

  it('are kept when it answers again in time', async () => {
    await metrics.forgetDeparted([], 20 + HOUR_MS);
    await metrics.forgetDeparted([VERSIONS[1]!], 2 * HOUR_MS);
    await metrics.forgetDeparted([], 2 * HOUR_MS + 10);
    await metrics.forgetDeparted([], 3 * HOUR_MS);
    expect(await exported()).toContain('taustat_requests_total 2');
  });
});
