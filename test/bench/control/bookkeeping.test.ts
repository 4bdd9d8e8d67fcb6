import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { controlModule } from './module.ts';

interface RollingMean {
  add(value: number): void;
  restart(): void;
  readonly mean: number;
  readonly worst: number;
}

const { RollingMean } = await controlModule<{ RollingMean: new (size: number) => RollingMean }>(
  'replay/rolling-mean',
);
const { quantile } = await controlModule<{
  quantile: (values: readonly (number | null)[], q: number) => number | null;
}>('report/statistics');
const { readColumns, writeColumns } = await controlModule<{
  writeColumns: (path: string, about: unknown, columns: Record<string, unknown>) => void;
  readColumns: (path: string) => { about: unknown; columns: Record<string, unknown> };
}>('recording/file');

describe('RollingMean', () => {
  it('is the batch mean of every window, and remembers the worst full one', () => {
    void fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 60 }),
        (values) => {
          const mean = new RollingMean(7);
          let worst = 0;
          for (const [i, value] of values.entries()) {
            mean.add(value);
            const window = values.slice(Math.max(0, i - 6), i + 1);
            const batch = window.reduce((a, b) => a + b) / window.length;
            expect(mean.mean).toBeCloseTo(batch, 9);
            if (window.length === 7) worst = Math.max(worst, batch);
            expect(mean.worst).toBeCloseTo(worst, 9);
          }
        },
      ),
    );
  });
});

describe('quantile', () => {
  it('counts what never happened as later than anything', () => {
    expect(quantile([3, null, 1], 0.5)).toBe(3);
    expect(quantile([null, null, 1], 0.5)).toBeNull();
    expect(quantile([1, 2, 3, 4], 0.95)).toBe(4);
    expect(quantile([], 0.5)).toBeNull();
  });
});

describe('columns in a file', () => {
  it('come back as they were', () => {
    const folder = mkdtempSync(join(tmpdir(), 'taustat-columns-'));
    try {
      void fc.assert(
        fc.property(
          fc.uint8Array({ maxLength: 9 }),
          fc.float64Array({ maxLength: 9 }),
          fc.uint16Array({ maxLength: 9 }),
          (bytes, doubles, shorts) => {
            const path = join(folder, 'x.bin');
            const columns = { bytes, doubles, shorts };
            writeColumns(path, { name: 'τ' }, columns);
            expect(readColumns(path)).toEqual({ about: { name: 'τ' }, columns });
          },
        ),
        { numRuns: 50 },
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
