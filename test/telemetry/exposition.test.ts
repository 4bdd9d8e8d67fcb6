import { describe, expect, it } from 'vitest';
import { prefersOpenMetrics, toOpenMetrics } from '../../src/telemetry/exposition.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';

const TEXT = `# HELP a_total Sum of "a".
# TYPE a_total counter
a_total{model="m_total"} 3

# HELP live_total A gauge with an unlucky name.
# TYPE live_total gauge
live_total 2

# HELP d A histogram.
# TYPE d histogram
d_bucket{le="+Inf"} 1
d_sum Nan
d_count 1
`;

const OPEN = `# HELP a Sum of \\"a\\".
# TYPE a counter
a_total{model="m_total"} 3
# HELP live_total A gauge with an unlucky name.
# TYPE live_total gauge
live_total 2
# HELP d A histogram.
# TYPE d histogram
d_bucket{le="+Inf"} 1
d_sum NaN
d_count 1
# EOF
`;

describe('OpenMetrics', () => {
  it('names a family of counters without its suffix, and ends', () => {
    expect(toOpenMetrics(TEXT)).toBe(OPEN);
  });

  it.each([
    [undefined, false],
    ['*/*', false],
    ['text/plain', false],
    ['application/openmetrics-text', true],
    ['application/openmetrics-text; version=1.0.0; charset=utf-8', true],
    [
      'application/openmetrics-text;version=1.0.0;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.3',
      true,
    ],
    ['text/plain, application/openmetrics-text;q=0.5', false],
    ['application/openmetrics-text;q=0', false],
    ['Application/OpenMetrics-Text', true],
  ])('for Accept: %s is %s', (accept, isOpen) => {
    expect(prefersOpenMetrics(accept)).toBe(isOpen);
  });
});

describe('Metrics', () => {
  it('are the same in the text form before and after somebody asked for OpenMetrics', async () => {
    const metrics = new Metrics();
    metrics.requests.inc({ model: 'm', outcome: 'ok' }, 3);
    const named = async () =>
      (await metrics.expose('text/plain')).body
        .split('\n')
        .filter((line) => line.includes('taustat_requests'));
    const before = await named();
    expect(before).toContain('taustat_requests_total{model="m",outcome="ok"} 3');
    const open = await metrics.expose('application/openmetrics-text');
    expect(open.contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(open.body).toContain(
      '# TYPE taustat_requests counter\ntaustat_requests_total{model="m",outcome="ok"} 3\n',
    );
    expect(await named()).toEqual(before);
  });

  it('of two servers are apart, of their process the same', async () => {
    const [one, other] = [new Metrics(), new Metrics()];
    one.queue.set({ model: 'm' }, 5);
    const { body } = await other.expose(undefined);
    expect(body).not.toContain('taustat_queue_requests{');
    expect(body.match(/^# TYPE nodejs_gc_duration_seconds histogram$/gm)).toHaveLength(1);
    expect((await one.expose(undefined)).body).toContain('taustat_queue_requests{model="m"} 5');
  });

  it('follow the naming rules: base units, counters that end in _total, a sentence each', async () => {
    const { body } = await new Metrics().expose(undefined);
    const families = [...body.matchAll(/^# TYPE (taustat_\S+) (\S+)$/gm)];
    expect(families.length).toBeGreaterThanOrEqual(20);
    for (const [, name, type] of families) {
      expect([name, name!.endsWith('_total')]).toEqual([name, type === 'counter']);
      expect(name).not.toMatch(/_(ms|milliseconds|percent|kb|mb)(_|$)/);
      expect(body).toMatch(new RegExp(`^# HELP ${name} [A-Z].*\\.$`, 'm'));
    }
  });
});
