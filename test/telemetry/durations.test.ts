import fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { Durations, SECONDS } from '../../src/telemetry/durations.ts';
import { toOpenMetrics } from '../../src/telemetry/exposition.ts';

const seconds = fc.oneof(
  fc.constantFrom(0, ...SECONDS, 301),
  fc.double({ min: 0, max: 400, noNaN: true }),
  fc.double({ min: 0, max: 0.001, noNaN: true }),
);

it('is exposed as the histogram of prom-client is, whatever was observed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ phase: fc.constantFrom('queue', 'in "fer"\n'), seconds }), { maxLength: 50 }),
      async (observed) => {
        const [ours, theirs] = [new Registry(), new Registry()];
        const durations = new Durations('x_seconds', 'A help.', ['model', 'phase']);
        ours.registerMetric(durations.asMetric);
        const histogram = new Histogram({
          name: 'x_seconds',
          help: 'A help.',
          labelNames: ['model', 'phase'],
          buckets: SECONDS,
          registers: [theirs],
        });
        for (const { phase, seconds } of observed) {
          durations.labels({ model: 'm', phase }).observe(seconds);
          histogram.observe({ model: 'm', phase }, seconds);
        }
        expect(await ours.metrics()).toBe(await theirs.metrics());
        expect((await ours.getMetricsAsJSON())[0]!.aggregator).toBe('sum');
      },
    ),
  );
});

it('knows of each bucket the latest observation that was traced, by the series that the text names', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          seconds,
          traceId: fc.option(
            fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 32, maxLength: 32 }),
          ),
        }),
      ),
      async (observed) => {
        const registry = new Registry();
        const durations = new Durations('x_seconds', 'A help.', ['model']);
        registry.registerMetric(durations.asMetric);
        const latest = new Map<number | undefined, string>();
        for (const { seconds, traceId } of observed) {
          durations.labels({ model: 'a "b"\\' }).observe(seconds, traceId ?? undefined);
          if (traceId !== null)
            latest.set(
              SECONDS.find((bound) => seconds <= bound),
              traceId,
            );
        }
        const text = await registry.metrics();
        const exemplars = durations.exemplars();
        expect([...exemplars.values()].map(({ traceId }) => traceId).sort()).toEqual(
          [...latest.values()].sort(),
        );
        const lines = toOpenMetrics(text, exemplars).split('\n');
        for (const [series, { traceId, seconds }] of exemplars) {
          const [line] = lines.filter((one) => one.startsWith(`${series} `));
          expect(line).toContain(` # {trace_id="${traceId}"} ${seconds} `);
        }
        expect(lines.filter((line) => line.includes(' # '))).toHaveLength(latest.size);
      },
    ),
  );
});
