import { beforeAll, describe, expect, it } from 'vitest';
import { binned } from '../../src/estimator/binning.ts';
import type { SiteHistograms } from '../../src/estimator/histogram.ts';
import { mergeAll, nonzeroCount, tails } from '../../src/estimator/histogram.ts';
import { halfNormal, rayleigh, window } from '../criticality/samples.ts';
import { bitsOf, DISTRIBUTIONS } from '../estimator/distributions.ts';

/** The report is plain JavaScript over the built package. */
const part = (name: string) => import(new URL(`../../bench/zoo/report/${name}.mjs`, import.meta.url).href);

// biome-ignore lint/suspicious/noExplicitAny: the modules have no types
let verdicts: any, full: any, rescaled: any, rules: any, pages: any, figures: any;
beforeAll(async () => {
  verdicts = await part('verdicts');
  full = await part('full-evaluation');
  rescaled = await part('rescaled');
  rules = await part('rules');
  pages = await part('page');
  figures = await part('figures');
});

const choice = { threshold: 0.5, sparsity: 0.3, kind: 'maximum', interval: [0.4, 0.6], accuracy: 0.88 };
const row = {
  name: 'digits-mlp',
  entry: 'digits-mlp',
  rows: 100,
  seconds: 60,
  cpuSeconds: 90,
  denseAccuracy: 0.9,
  oracle: { threshold: 0.5, sparsity: 0.3, accuracy: 0.895 },
  collapse: { threshold: 0.75, sparsity: 0.5 },
  rules: { additive: choice },
  features: [
    { kind: 'maximum', threshold: 0.5, sparsity: 0.3, prominence: 0.1, accuracy: 0.88, agreement: 0.97 },
  ],
  fullFeatures: [{ kind: 'maximum', threshold: 0.5, sparsity: 0.34 }],
  curve: { thresholds: [0.25, 0.5, 0.75, 1], sparsity: [0.1, 0.3, 0.5, 0.7] },
  subsamples: { rows: 500, sparsities: { additive: [0.3, 0.31] } },
  scaled: { rows: 10, factors: [1, 2], sparsities: [0.3, 0.3] },
  streamed: { threshold: 0.5, sparsity: 0.3 },
  timings: {
    fullSeconds: 34,
    renormalizedSeconds: 1,
    windowSeconds: 0.01,
    cpu: { fullSeconds: 66, renormalizedSeconds: 2, windowSeconds: 0.01 },
  },
};
const met = (changed: object) =>
  Object.fromEntries(
    verdicts.CHECKS.map(([name, isMet]: [string, (r: object) => boolean]) => [
      name,
      isMet({ ...row, ...changed }),
    ]),
  );

describe('verdicts', () => {
  it('a rule that finds nothing loses nothing', () => {
    expect(verdicts.lossOf({ ...row, rules: { additive: null } }, 'additive')).toBe(0);
    expect(verdicts.isPastCollapse({ ...row, rules: { additive: null } }, 'additive')).toBe(false);
  });

  it.each([
    [{ ...choice, threshold: 0.74 }, false],
    [{ ...choice, threshold: 0.75 }, true],
    [{ ...choice, accuracy: 0.85 }, true],
    [{ ...choice, accuracy: 0.851 }, false],
  ])('%j is past the collapse: %s', (additive, isPast) => {
    expect(verdicts.isPastCollapse({ ...row, rules: { additive } }, 'additive')).toBe(isPast);
  });

  it('two full points lost are two points, with the rounding of floats', () => {
    expect(met({})['loss ≤ 2 points']).toBe(true);
    expect(met({ rules: { additive: { ...choice, accuracy: 0.879 } } })['loss ≤ 2 points']).toBe(false);
  });

  it('features match by kind and β, each of its own network or both of the dense run', () => {
    expect(verdicts.match(row)).toMatchObject({ isMatch: false, isMatchInTau: true, distanceInTau: 0 });
    expect(verdicts.match(row).distance).toBeCloseTo(0.04, 12);
    const other = { ...row, fullFeatures: [{ kind: 'minimum', threshold: 0.5, sparsity: 0.3 }] };
    expect(verdicts.match(other)).toMatchObject({ isMatch: false, isMatchInTau: false });
    const later = {
      ...row,
      fullFeatures: [{ kind: 'maximum', threshold: Math.sqrt(0.5 * 0.75), sparsity: 0.3 }],
    };
    expect(verdicts.match(later).distanceInTau).toBeCloseTo(0.1, 12);
    expect(verdicts.match({ ...row, features: [] }).isMatch).toBe(false);
    expect(verdicts.match({ ...row, features: [], fullFeatures: [] }).isMatch).toBe(true);
  });

  it('the gap is the largest difference of F up to the oracle, as a share of its range', () => {
    const curve = { thresholds: [0.1, 0.2, 0.3], renormalized: [1, 2, 0], full: [1.1, 1.9, 9] };
    expect(verdicts.gap({ oracle: { threshold: 0.2 }, curve })).toBeCloseTo(0.05, 12);
    expect(verdicts.gap({ oracle: { threshold: 0 }, curve })).toBe(0);
  });

  it('spread is the range, infinite when a feature comes and goes, 0 when there is none', () => {
    expect(verdicts.spread([0.1, 0.3, 0.2])).toBeCloseTo(0.2, 12);
    expect(verdicts.spread([0.1, null])).toBe(Number.POSITIVE_INFINITY);
    expect(verdicts.spread([null, null])).toBe(0);
  });

  it('the ratios of times are judged as they are', () => {
    expect(met({})['FE / RFE ≥ 30']).toBe(true);
    expect(met({ timings: { ...row.timings, renormalizedSeconds: 1.2 } })['FE / RFE ≥ 30']).toBe(false);
    expect(met({})['FE / window ≥ 1700']).toBe(true);
    expect(met({ timings: { ...row.timings, windowSeconds: 0.021 } })['FE / window ≥ 1700']).toBe(false);
  });
});

describe('oracle and collapse', () => {
  /** A network whose accuracy is a function of τ: every row is right or wrong, and β = τ. */
  const network = (accuracyAt: (threshold: number) => number) => {
    const rows = 1000;
    const labels = new Int32Array(rows);
    const runtime = {
      busy: { workers: 1 },
      shadow: async ({ thresholds }: { thresholds: Float32Array }) => {
        const right = Math.round(rows * accuracyAt(thresholds[0]!));
        const data = Float32Array.from({ length: 2 * rows }, (_, i) =>
          Number((i >> 1 < right ? 0 : 1) === i % 2),
        );
        return {
          outputs: [{ name: 'logits', shape: [rows, 2], datatype: 'FP32', elements: data }],
          histograms: [],
          retained: [{ count: 1000 * (1 - thresholds[0]!), sum: 1 }],
        };
      },
    };
    const passes = {
      runtime,
      rows: { count: rows, batch: () => [] },
      batches: [{ from: 0, to: rows, slice: 0 }],
      sites: 1,
      outputs: ['logits'],
    };
    const dense = { slices: [], tally: [], classes: new Int32Array(rows), classCount: 2 };
    const points = [0.1, 0.2, 0.4, 0.8].map((threshold) => ({
      threshold,
      accuracy: Math.round(rows * accuracyAt(threshold)) / rows,
      retained: { count: 1000 * (1 - threshold), sum: 1 },
    }));
    return full.limits(passes, points, dense, labels, accuracyAt(0), 1000);
  };

  it('the oracle is bisected between the last safe point of the grid and the next', async () => {
    const { oracle, collapse } = await network((t) => (t < 0.3 ? 0.9 : 0.84));
    expect(oracle.sparsity).toBeGreaterThan(0.28);
    expect(oracle.sparsity).toBeLessThan(0.3);
    expect(oracle.accuracy).toBe(0.9);
    expect(collapse.threshold).toBe(0.4);
  });

  it('one point may be lost, and five are a collapse', async () => {
    const { oracle, collapse } = await network((t) => (t === 0 ? 0.9 : t < 0.5 ? 0.89 : 0.85));
    expect(oracle.sparsity).toBeGreaterThan(0.4);
    expect(collapse.sparsity).toBeCloseTo(0.8, 6);
  });

  it('a network that never falls has no collapse, and its oracle is the end of the grid', async () => {
    const { oracle, collapse } = await network(() => 0.9);
    expect(oracle.threshold).toBe(0.8);
    expect(collapse).toBeNull();
  });

  it('a network that falls at once has an oracle of 0', async () => {
    const { oracle, collapse } = await network((t) => (t === 0 ? 0.9 : 0.5));
    expect(oracle).toEqual({ threshold: 0, sparsity: 0, accuracy: 0.9 });
    expect(collapse.threshold).toBe(0.1);
  });
});

describe('magnitudes in units of their mean', () => {
  it('have a mean of 1 at every site, and as many activations as before', () => {
    const sites = [DISTRIBUTIONS.halfNormal!, DISTRIBUTIONS.exponential!].map((d) => binned(bitsOf(d)));
    const { means, scaled } = rescaled.inUnitsOfTheMean([sites, sites]);
    for (const [i, h] of (scaled[0] as SiteHistograms).entries()) {
      const t = tails(h);
      expect(t.sum[0]! / t.count[0]!).toBeCloseTo(1, 3);
      expect(nonzeroCount(h)).toBe(nonzeroCount(sites[i]!));
      const before = tails(sites[i]!);
      expect(means[i]).toBeCloseTo(before.sum[0]! / before.count[0]!, 9);
    }
  });
});

describe('the rules that are compared', () => {
  const small = window(rayleigh, 1, { perSlice: 20_000, scale: 0.25 });
  const large = window(rayleigh, 2, { perSlice: 60_000 });
  const slices = small.map((h, i) => [h, large[i]!]);
  const chosen = (key: string, of: readonly SiteHistograms[] = slices) =>
    rules.RULES.find((rule: { key: string }) => rule.key === key).choose(of);

  it('are the same for one site, as far as they differ in how they treat sites', () => {
    const one = large.map((h) => [h]);
    for (const key of ['pooled', 'medianSite', 'earliestSite'])
      expect(chosen(key, one).thresholds).toBe(chosen('additive', one).thresholds);
    expect(chosen('perSite', one).thresholds[0]).toBe(chosen('additive', one).thresholds);
    expect(chosen('multiple', one).sparsity).toBeCloseTo(chosen('additive', one).sparsity, 1);
  });

  it('give every site a threshold in its own units where they say so', () => {
    for (const key of ['perSite', 'multiple']) {
      const [a, b] = chosen(key).thresholds;
      expect(b / a).toBeGreaterThan(3.5);
      expect(b / a).toBeLessThan(4.5);
    }
  });

  it('predict the sparsity of their thresholds', () => {
    for (const key of ['additive', 'pooled', 'earliestSite', 'medianSite']) {
      const { thresholds, sparsity } = chosen(key);
      const all = tails(mergeAll(slices.flat()));
      const bin = all.count.findIndex((n) => 1 - n / all.count[0]! >= sparsity - 1e-12);
      expect(1 - all.count[bin]! / all.count[0]!).toBeCloseTo(sparsity, 2);
      expect(thresholds).toBeGreaterThan(0);
    }
    expect(chosen('earliestSite').thresholds).toBeLessThan(chosen('additive').thresholds);
    expect(chosen('additive').thresholds).toBeLessThan(chosen('pooled').thresholds);
  });

  it('pass over the poles of activation functions where they sum over sites, but for the one that does not', () => {
    const one = large.map((h) => [h]);
    const pole = chosen('additive', one).thresholds;
    const withPole = (key: string) =>
      rules.RULES.find((rule: { key: string }) => rule.key === key).choose(one, [pole]);
    for (const key of ['additive', 'inflections']) expect(withPole(key)).toBeNull();
    expect(withPole('polesToo').thresholds).toBe(pole);
  });

  it('find nothing where there is nothing', () => {
    const few = window(halfNormal, 3, { perSlice: 2 }).map((h) => [h]);
    for (const key of ['additive', 'pooled', 'perSite', 'multiple', 'medianSite', 'earliestSite'])
      expect(chosen(key, few)).toBeNull();
  });
});

describe('the page', () => {
  const all = Object.fromEntries(rulesOf().map((key) => [key, choice]));
  function rulesOf(): string[] {
    return [
      'additive',
      'polesToo',
      'additivePaper',
      'inflections',
      'pooled',
      'pooledPaper',
      'paper',
      'paperNormalized',
      'perSite',
      'multiple',
      'medianSite',
      'earliestSite',
    ];
  }
  const sparsities = Object.fromEntries(rulesOf().map((key) => [key, [0.3, 0.31]]));
  const complete = {
    ...row,
    rules: all,
    subsamples: { rows: 500, sparsities },
    curve: {
      ...row.curve,
      renormalized: [0.4, 0.6, 0.5, null],
      continuous: [0.4, 0.58, 0.5, null],
      full: [0.4, 0.5, 0.45, null],
      fullSparsity: [0.1, 0.34, 0.52, 0.7],
      accuracy: [0.9, 0.88, 0.7, 0.1],
      agreement: [1, 0.97, 0.8, 0.1],
    },
    fullFeatures: [
      { kind: 'maximum', threshold: 0.5, sparsity: 0.34, prominence: 0.2, interval: [0.25, 0.75] },
    ],
    features: [{ ...row.features[0], interval: [0.4, 0.6] }],
  };
  const bare = {
    ...complete,
    name: 'digits-lstm',
    entry: 'digits-lstm',
    rules: { ...all, additive: null },
    features: [],
  };
  const seed = { ...complete, name: 'digits-mlp-seed2', entry: 'digits-mlp' };

  it('names every row and requirement, and the rows that fail', () => {
    const text = pages.page({
      rows: [bare, complete],
      seeds: [seed],
      machine: '2 cores',
      discussion: 'My words.',
    });
    expect(text).toContain('My words.');
    expect(text).toContain('3 minutes on 2 cores');
    for (const [name] of verdicts.CHECKS) expect(text).toContain(`| ${name} |`);
    for (const { name } of rules.RULES) expect(text).toContain(name);
    expect(text).toMatch(/own network \| 0 of 2 \| digits-lstm, digits-mlp \|/);
    expect(text).toContain('![digits-lstm](figures/digits-lstm.svg)');
    expect(text).not.toMatch(/undefined|NaN/);
  });

  it('has figures with every curve, also of a row without a feature', () => {
    for (const shown of [complete, bare]) {
      const svg = figures.rowFigure(shown);
      expect(svg.match(/<svg/g)).toHaveLength(4);
      expect(svg).not.toMatch(/undefined|NaN/);
    }
    const svg = figures.overviewFigure([complete, bare], 'pooled');
    expect(svg).toContain('digits-lstm');
    expect(svg).not.toMatch(/undefined|NaN/);
  });
});
