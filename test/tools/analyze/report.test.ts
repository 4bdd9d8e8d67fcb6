import { describe, expect, it } from 'vitest';
import type { Analysis } from '../../../src/tools/analyze/analysis.ts';
import { panels } from '../../../src/tools/analyze/panels.ts';
import { plotSvg } from '../../../src/tools/analyze/plot.ts';
import { htmlReport } from '../../../src/tools/analyze/report.ts';
import { findings, seconds } from '../../../src/tools/analyze/summary.ts';

const ANALYSIS: Analysis = {
  model: 'digits <v2>',
  rows: 100,
  sites: [{ name: '/fc1/Relu', op: 'Relu', zeroRatio: 0.25, activations: 75_000, meanMagnitude: 1.5 }],
  skippedSites: 2,
  rule: 'significant',
  temperature: 'normalized',
  temperatureScale: 1.5,
  thresholds: [0.25, 0.5, 0.75, 1],
  renormalized: {
    freeEnergy: [0.4, 0.6, 0.5, null],
    sparsity: [0.1, 0.3, 0.5, 1],
    internalEnergy: [-0.01, -0.1, -0.3, null],
  },
  full: {
    freeEnergy: [0.4, 0.5, 0.45, null],
    sparsity: [0.1, 0.29, 0.52, 1],
    internalEnergy: [-0.01, -0.1, -0.3, null],
    accuracy: [0.9, 0.88, 0.7, 0.1],
    agreement: [1, 0.97, 0.8, 0.1],
    features: [{ kind: 'maximum', threshold: 0.5, sparsity: 0.29, prominence: 0.4, interval: [0.25, 0.75] }],
  },
  curve: {
    thresholds: [0.25, 0.5, 0.75],
    freeEnergy: [0.4, 0.6, 0.5],
    sparsity: [0.1, 0.3, 0.5],
    internalEnergy: [-0.01, -0.1, -0.3],
    continuous: [0.4, 0.58, 0.5],
  },
  features: [
    { kind: 'maximum', threshold: 0.5, sparsity: 0.3, prominence: 0.5, interval: [0.25, 0.75] },
    { kind: 'minimum', threshold: 0.75, sparsity: 0.5, prominence: 0.1, interval: [0.75, 0.75] },
  ],
  critical: { threshold: 0.5, sparsity: 0.3, feature: 'maximum', interval: [0.25, 0.75] },
  objective: {
    allowed: 0.01,
    rows: 100,
    critical: { threshold: 0.5, sparsity: 0.3, loss: 0.2 },
    within: { threshold: 0.25, sparsity: 0.1, loss: 0.004 },
  },
  loss: { measure: 'margin', atCritical: 0.2, largestWithinObjective: { threshold: 0.25, sparsity: 0.1 } },
  measure: {
    measure: 'margin',
    outputs: [
      {
        name: 'y',
        kind: 'class scores',
        measure: 'margin',
        isPerPosition: false,
        spread: null,
        replaced: 0.8,
        constant: 0.8,
      },
    ],
    vacuous: false,
    reason: null,
  },
  answers: {
    denseAccuracy: 0.91,
    criticalAccuracy: 0.88,
    criticalAgreement: 0.97,
    criticalSparsity: 0.29,
  },
  timings: { renormalizedSeconds: 0.5, windowSeconds: 0.0012, fullSeconds: 20 },
};

const { full: _, answers: __, ...BARE } = ANALYSIS;
const NOTHING: Analysis = { ...BARE, features: [], critical: null };

describe('the report', () => {
  const page = htmlReport(ANALYSIS);

  it('has six panels: accuracy, F and dF/dτ against τ, then against β', () => {
    expect(page.match(/<svg class="plot"/g)).toHaveLength(6);
    expect(panels(ANALYSIS).map(({ title, xLabel }) => [title, xLabel])).toEqual([
      ['Accuracy and agreement', 'threshold τ, log scale'],
      ['Free energy F', 'threshold τ, log scale'],
      ['Derivative dF/dτ', 'threshold τ, log scale'],
      ['Accuracy and agreement', 'sparsity β'],
      ['Free energy F', 'sparsity β'],
      ['Derivative dF/dτ', 'sparsity β'],
    ]);
  });

  it('needs nothing from elsewhere', () => {
    expect(page).not.toMatch(/https?:|<script|<link|@import|url\((?!#)/);
  });

  it('escapes what the model brings', () => {
    expect(page).toContain('digits &lt;v2&gt;');
    expect(page).not.toContain('<v2>');
  });

  it('shows the numbers of the analysis', () => {
    for (const text of [
      '0.5',
      '30.0 %',
      '91.0 %',
      '88.0 %',
      '97.0 %',
      '1.2 ms',
      '40 times as long',
      '75,000',
    ])
      expect(page).toContain(text);
  });
});

const POLE = {
  kind: 'pole',
  threshold: 0.375,
  sparsity: 0.2,
  prominence: 0.1,
  interval: [0.35, 0.4],
} as const;

describe('panels', () => {
  it('mark τ*, its interval and every feature, on both axes', () => {
    const [, againstThreshold, , , againstSparsity] = panels(ANALYSIS);
    expect(againstThreshold!.critical).toMatchObject({ x: 0.5, from: 0.25, to: 0.75 });
    expect(againstSparsity!.critical).toMatchObject({ x: 0.3, from: 0.1, to: 0.5 });
    expect(againstThreshold!.markers.map(({ shape, rank, x, y }) => [shape, rank, x, y])).toEqual([
      ['maximum', 'full', 0.5, 0.5],
      ['maximum', 'first', 0.5, 0.58],
      ['minimum', 'later', 0.75, 0.5],
    ]);
    expect(againstSparsity!.markers.map(({ x }) => x)).toEqual([0.29, 0.3, 0.5]);
  });

  it('mark a pole as what it is, and the critical point after it', () => {
    const features = [POLE, ...ANALYSIS.features];
    const [, againstThreshold] = panels({ ...ANALYSIS, features });
    expect(againstThreshold!.markers.map(({ shape, rank }) => [shape, rank])).toEqual([
      ['maximum', 'full'],
      ['pole', 'later'],
      ['maximum', 'first'],
      ['minimum', 'later'],
    ]);
    const page = htmlReport({ ...ANALYSIS, features: [POLE], critical: null });
    expect(page).toContain('<td>pole</td>');
    expect(page).not.toContain('critical threshold τ*; band');
  });

  it('draw the curve that is decided on last and bold, with its derivative, against log τ', () => {
    const [, freeEnergy, derivative] = panels(ANALYSIS);
    expect(freeEnergy!.series.at(-1)).toMatchObject({
      style: 'continuous',
      points: [
        [0.25, 0.4],
        [0.5, 0.58],
        [0.75, 0.5],
      ],
    });
    expect(derivative!.series.at(-1)!.style).toBe('continuous');
    expect(derivative!.series.at(-1)!.points[1]![1]).toBeCloseTo((0.5 - 0.4) / 0.5, 12);
    expect(panels(ANALYSIS).map(({ xScale }) => xScale)).toEqual([
      ...['log', 'log', 'log'],
      ...['linear', 'linear', 'linear'],
    ]);
    const x = [...plotSvg(freeEnergy!).matchAll(/class="line continuous" d="M([\d.]+) [\d.]+L([\d.]+)/g)][0]!;
    const octave = Number(x[2]) - Number(x[1]);
    const whole = 440 - 54 - 12;
    expect(octave / whole).toBeCloseTo(Math.log(2) / Math.log((1 * 1.02) / 0.25), 2);
    const width = (style: string) =>
      Number(
        new RegExp(`\\.line\\.${style} \\{[^}]*stroke-width: ([\\d.]+)`).exec(htmlReport(ANALYSIS))?.[1],
      );
    expect(width('continuous')).toBeGreaterThan(2 * width('renormalized'));
  });

  it('draw full evaluation at its own sparsity, and break where F does not exist', () => {
    const full = panels(ANALYSIS)[4]!.series.find(({ style }) => style === 'full')!;
    expect(full.points[1]).toEqual([0.29, 0.5]);
    expect(full.points[3]![1]).toBeNaN();
    expect(plotSvg(panels(ANALYSIS)[4]!)).not.toContain('NaN');
  });

  it('without full evaluation show the two answers that are known', () => {
    const { full, ...rest } = ANALYSIS;
    const [answers] = panels(rest);
    expect(answers!.series.find(({ style }) => style === 'accuracy')!.points).toEqual([
      [0.25, 0.91],
      [0.5, 0.88],
    ]);
  });

  it('say how to get what is not there', () => {
    expect(htmlReport(NOTHING)).toContain('run with --full and --labels to see it');
    expect(panels(NOTHING).every(({ critical }) => critical === undefined)).toBe(true);
  });
});

describe('the findings', () => {
  it('give a reason when there is no critical threshold', () => {
    const reason = (analysis: Analysis) => new Map(findings(analysis)).get('critical threshold τ*');
    expect(reason(NOTHING)).toBe('none: F has no significant feature');
    expect(reason({ ...NOTHING, features: [POLE] })).toBe(
      'none: F marks only where an activation function stands still (pole, τ 0.375)',
    );
    expect(reason({ ...NOTHING, sites: [] })).toBe('none: the model has no gateable site');
    expect(reason({ ...NOTHING, curve: { ...NOTHING.curve, thresholds: [] } })).toBe(
      'none: too few different activations',
    );
  });

  it('warn of a critical threshold that loses more than is allowed, and name the one to serve at', () => {
    const said = new Map(findings(ANALYSIS));
    expect(said.get('loss at τ*')).toBe('0.2, more than the 0.01 allowed: do not serve at τ*');
    expect(said.get('largest τ within the objective')).toBe('0.25, β 10.0 %, loss 0.004 on 100 rows');
    const nothing = { ...ANALYSIS, objective: { allowed: 0.01, rows: 100, critical: null, within: null } };
    expect(new Map(findings(nothing)).get('largest τ within the objective')).toBe(
      'none: every candidate loses more than 0.01',
    );
  });

  it('name units', () => {
    expect([seconds(0.00123456), seconds(0.5), seconds(75.21)]).toEqual(['1.235 ms', '0.5 s', '75.21 s']);
  });
});
