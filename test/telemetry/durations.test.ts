import fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { Durations, SECONDS } from '../../src/telemetry/durations.ts';

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
