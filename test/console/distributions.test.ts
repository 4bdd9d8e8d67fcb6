import { describe, expect, it } from 'vitest';
import { consoleModule } from '../transport/http/console-module.ts';

interface Drawing {
  readonly current: string;
  readonly reference: string;
  readonly threshold: number | null;
  readonly ends: readonly [number, number] | null;
}
const { distributionLines, distributionsText, drawingOf } = await consoleModule<{
  drawingOf(site: object, threshold: number | null): Drawing;
  distributionLines(site: object): readonly string[];
  distributionsText(activations: object, moment: (at: number) => string): string;
}>('distributions');

const NOW = { shares: [0.5, 0.25], below: 0.25, belowThreshold: 0.5, median: 1.5, zeroRatio: 0.4 };
const THEN = { shares: [0, 0.5], below: 0.5, belowThreshold: 0.25, median: 3, zeroRatio: 0.2 };
const SITE = { name: 'relu', edges: [1, 2, 4], current: NOW, reference: THEN };

describe('the drawing of a site', () => {
  it('has magnitudes on a log scale, and both densities on one', () => {
    expect(drawingOf(SITE, 2)).toEqual({
      current: 'M0 100V0H50V50H100V100',
      reference: 'M0 100V100H50V0H100V100Z',
      threshold: 50,
      ends: [1, 4],
    });
  });

  it('leaves out what is not known, and a threshold outside', () => {
    const { reference, threshold } = drawingOf({ ...SITE, reference: null }, 8);
    expect([reference, threshold]).toEqual(['', null]);
    expect(drawingOf({ ...SITE, edges: [], current: { ...NOW, shares: [] } }, 1).current).toBe('');
    expect(drawingOf({ ...SITE, current: null, reference: null }, null)).toMatchObject({
      current: '',
      reference: '',
    });
  });

  it('is finite where magnitudes reach down to 0', () => {
    const { current, ends } = drawingOf({ ...SITE, edges: [0, 1, 2] }, 1);
    expect(current).not.toMatch(/NaN|Infinity/);
    expect(ends).toEqual([0.5, 2]);
  });
});

describe('the words below it', () => {
  it('tell what was and what is', () => {
    expect(distributionLines(SITE)).toEqual([
      'median 1.5, was 3',
      'below τ 50.0 %, was 25.0 %',
      'zero 40.0 %, was 20.0 %',
    ]);
    const withoutThreshold = { ...NOW, belowThreshold: null };
    expect(distributionLines({ ...SITE, current: withoutThreshold, reference: null })).toEqual([
      'median 1.5',
      'zero 40.0 %',
    ]);
    expect(distributionLines({ ...SITE, current: null })).toEqual(['not sampled yet']);
  });

  it('tell what the reference is, or why there is none', () => {
    const current = { at: 9, samples: 256 };
    expect(
      distributionsText({ current, reference: { at: 1, samples: 240 }, threshold: 0.5 }, () => '3 min ago'),
    ).toBe(
      'Now: 256 sampled requests. Reference: 240 requests when the threshold was searched, 3 min ago. τ 0.5.',
    );
    expect(distributionsText({ current, reference: null, threshold: null }, String)).toContain(
      'There is no reference',
    );
    expect(distributionsText({ current: null, reference: null, threshold: null }, String)).toBe(
      'Nothing is sampled yet.',
    );
  });
});
