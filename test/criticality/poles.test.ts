import { describe, expect, it } from 'vitest';
import {
  type CriticalPointOptions,
  criticality,
  DEFAULT_CRITICAL_POINT,
} from '../../src/criticality/critical-point.ts';
import { fullFeatures, prunedPoint } from '../../src/criticality/full-evaluation.ts';
import { firstOwn, withPolesNamed } from '../../src/criticality/poles.ts';
import type { ActivationHistogram } from '../../src/estimator/histogram.ts';
import { type Activation, activated, FUNCTIONS } from './activations.ts';
import { ANALYTIC, expectedHistogram, type Magnitudes } from './analytic.ts';

const PRE_ACTIVATIONS = [
  [0, 1],
  [0, 2],
  [0.5, 1],
  [0.5, 2],
] as const;

/** Sites without sampling noise, each with its pole or none. */
function found(
  sites: readonly (readonly [h: ActivationHistogram, pole: number | null])[],
  options: CriticalPointOptions = DEFAULT_CRITICAL_POINT,
) {
  const slice = sites.map(([h]) => h);
  const poles = sites.map(([, pole]) => pole);
  return criticality([slice, slice, slice, slice], options, { poles })!;
}

const siteOf = (magnitudes: Magnitudes, scale = 1, share = 1): ActivationHistogram => {
  const h = expectedHistogram(magnitudes, scale);
  return {
    ...h,
    counts: h.counts.map((n) => Math.round(n * share)),
    residuals: h.residuals.map((r, i) => (h.counts[i] === 0 ? 0 : Math.round(r * share))),
  };
};

describe.each(Object.entries(FUNCTIONS))('%s of normal inputs', (_, activation: Activation) => {
  it.each(PRE_ACTIVATIONS)(
    'N(%d, %d²): the maximum lies at the pole, is named so, and begins nothing',
    (mean, deviation) => {
      const h = expectedHistogram(activated(activation, mean, deviation));
      const plain = found([[h, null]]);
      const maximum = plain.features.find(({ kind }) => kind === 'maximum')!;
      const { features, critical } = found([[h, activation.pole]]);
      expect(Math.abs(Math.log2(maximum.threshold / activation.pole))).toBeLessThan(0.2);
      expect(features.find(({ threshold }) => threshold === maximum.threshold)!.kind).toBe('pole');
      expect(critical?.threshold).not.toBe(maximum.threshold);
      expect(plain.critical).not.toBeNull();
    },
  );
});

describe('a pole', () => {
  const { pole } = FUNCTIONS.Silu;
  const silu = expectedHistogram(activated(FUNCTIONS.Silu, 0, 1));

  it('is all that F shows where all activations are of one such function: no critical point', () => {
    const { features, critical } = found([[silu, pole]]);
    expect(features.map(({ kind }) => kind)).toEqual(['pole']);
    expect(critical).toBeNull();
  });

  it('keeps its threshold, β, prominence and interval', () => {
    const [named] = found([[silu, pole]]).features;
    const [plain] = found([[silu, null]]).features;
    expect(named).toEqual({ ...plain, kind: 'pole' });
  });

  it('is none where no function stands still, whatever magnitude F turns at', () => {
    const { features, critical } = found([[expectedHistogram(ANALYTIC.rayleigh), null]]);
    expect(features[0]!.kind).toBe('maximum');
    expect(critical!.threshold).toBe(features[0]!.threshold);
  });

  it('is no name for a feature elsewhere, which is the critical point', () => {
    for (const scale of [0.02, 0.05, 0.1]) {
      const { features, critical } = found([
        [silu, pole],
        [siteOf(ANALYTIC.rayleigh, scale, 4), null],
      ]);
      expect(features.map(({ kind }) => kind)).toEqual(['maximum']);
      expect(critical!.threshold).toBe(features[0]!.threshold);
      expect(critical!.threshold / scale).toBeLessThan(1.1);
    }
  });

  it('is passed over for the next feature', () => {
    const feature = { sparsity: 0.3, prominence: 0.1, interval: [0.1, 1] } as const;
    const features = withPolesNamed(
      [
        { ...feature, kind: 'maximum', threshold: pole },
        { ...feature, kind: 'minimum', threshold: 2 * pole },
        { ...feature, kind: 'maximum', threshold: 4 * pole },
      ],
      [{ pole, count: 1 }],
    );
    expect(features.map(({ kind }) => kind)).toEqual(['pole', 'minimum', 'maximum']);
    expect(firstOwn(features)).toBe(features[1]);
    expect(firstOwn(features.slice(0, 1))).toBeUndefined();
  });

  it('needs a share of the activations: of one site in a hundred, F shows nothing', () => {
    const at = expectedHistogram(ANALYTIC.rayleigh, 0.3);
    const [{ threshold } = { threshold: 0 }] = found([[at, null]]).features;
    const kindWith = (share: number) =>
      found([
        [siteOf(ANALYTIC.rayleigh, 0.3, 1 - share), null],
        [siteOf(ANALYTIC.rayleigh, 0.3, share), threshold],
      ]).features[0]!.kind;
    expect(kindWith(0.01)).toBe('maximum');
    expect(kindWith(0.05)).toBe('pole');
    expect(kindWith(1)).toBe('pole');
  });

  it('is looked for within a bandwidth of the smoothing', () => {
    const feature = { kind: 'maximum', sparsity: 0.3, prominence: 0.1, interval: [0.1, 1] } as const;
    const kindAt = (octaves: number) =>
      withPolesNamed([{ ...feature, threshold: pole * 2 ** octaves }], [{ pole, count: 1 }])[0]!.kind;
    expect([-0.35, -0.25, 0, 0.25, 0.35].map(kindAt)).toEqual(['maximum', 'pole', 'pole', 'pole', 'maximum']);
  });

  it('is one whatever the unit of the activations', () => {
    for (const scale of [0.25, 3, 8]) {
      const h = expectedHistogram(activated(FUNCTIONS.Silu, 0, 1), scale);
      expect(found([[h, scale * pole]]).features.map(({ kind }) => kind)).toEqual(['pole']);
    }
  });

  it('also where inflections count, and in full evaluation', () => {
    const options = { ...DEFAULT_CRITICAL_POINT, inflections: true };
    expect(found([[silu, pole]], options).critical).toBeNull();
    const slices = [[silu], [silu], [silu], [silu]];
    const thresholds = Array.from(found([[silu, pole]]).curve.thresholds);
    const points = thresholds.map((threshold) => prunedPoint(threshold, slices));
    const kinds = (poles?: readonly (number | null)[]) =>
      fullFeatures(thresholds, points, slices, DEFAULT_CRITICAL_POINT, poles).map(({ kind }) => kind);
    expect(kinds()).toEqual(['maximum']);
    expect(kinds([pole])).toEqual(['pole']);
  });
});
