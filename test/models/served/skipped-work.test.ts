import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SkippedWork } from '../../../src/models/served/skipped-work.ts';

it('is the share of the work that is left out, by rows', () => {
  const work = new SkippedWork();
  expect(work.ratio).toBe(0);
  for (let i = 0; i < 5000; i++) work.add(i % 2 === 0 ? 3 : 1, i % 2 === 0 ? 0.4 : 0);
  expect(work.ratio).toBeCloseTo(0.3, 2);
});

it('lies between the least and the largest share', () => {
  const request = fc.record({
    rows: fc.integer({ min: 1, max: 64 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(request, { minLength: 1 }), (requests) => {
      const work = new SkippedWork();
      for (const { rows, share } of requests) work.add(rows, share);
      const shares = requests.map(({ share }) => share);
      expect(work.ratio).toBeGreaterThanOrEqual(Math.min(...shares) - 1e-9);
      expect(work.ratio).toBeLessThanOrEqual(Math.max(...shares) + 1e-9);
    }),
  );
});
