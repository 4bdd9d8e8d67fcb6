import { describe, expect, it } from 'vitest';
import { consoleModule } from './console-module.ts';

interface Frame {
  readonly at: number;
  readonly state: string;
  readonly [quantity: string]: unknown;
}

const { frameOf, pastFrames, timeDomain, withFrame } = await consoleModule<{
  frameOf(at: number, report: object, traffic: object, before: Frame | undefined): Frame;
  pastFrames(history: object, now: number): Frame[];
  timeDomain(frames: readonly Frame[]): readonly [number, number];
  withFrame(frames: readonly Frame[], frame: Frame): Frame[];
}>('frames');
const { stretches } = await consoleModule<{
  stretches(frames: readonly Frame[]): { state: string; from: number; to: number }[];
}>('state-ribbon');
const format = await consoleModule<{
  percent(ratio: number | null, digits?: number): string;
  significant(value: number | null): string;
  duration(seconds: number | null): string;
  rate(perSecond: number | null): string;
  ago(at: number, now: number): string;
  shorten(sentence: string): string;
  times(ratio: number | null): string;
}>('format');

const NO_AGREEMENT = { ratio: null, lowerBound: 0, upperBound: 1, pairs: 0, kl: null, cosine: null };

function report(changes: object): object {
  return {
    model: 'm',
    mode: 'auto',
    state: 'warming',
    threshold: 0,
    candidate: null,
    exposure: 0,
    production: { threshold: 0, share: 1, rest: 0 },
    judgedThreshold: 0,
    critical: null,
    sparsity: 0,
    candidateSparsity: null,
    zeroRatio: null,
    loss: { mean: null, lower: 0, upper: 1, allowed: 0.05 },
    agreement: NO_AGREEMENT,
    objective: { measure: 'top1', floor: 0.95 },
    drift: null,
    change: { at: 0, reason: 'operator', detail: 'started in mode auto' },
    ...changes,
  };
}

describe('frame', () => {
  it('of a server that knows nothing yet is dense, and leaves the unknown unknown', () => {
    expect(frameOf(5, report({}), {}, undefined)).toMatchObject({
      at: 5,
      isChange: false,
      threshold: 0,
      sparsity: 0,
      zeros: null,
      critical: null,
      candidate: null,
      candidateSparsity: null,
      loss: null,
      lossUpper: null,
      allowed: 0.05,
      standing: 'unknown',
      agreement: null,
      lowerBound: null,
      upperBound: null,
      floor: 0.95,
      distance: null,
      limit: null,
    });
  });

  it('has the speed-up with its bounds, and the work that is left out', () => {
    const { speedup, ...unknown } = frameOf(5, report({ speedup: null, macsSkipped: 0 }), {}, undefined);
    expect([speedup, unknown.speedupLow, unknown.macsSkipped]).toEqual([null, null, 0]);
    const measured = { speedup: { ratio: 1.35, low: 1.2, high: 1.5 }, macsSkipped: 0.4 };
    expect(frameOf(5, report(measured), {}, undefined)).toMatchObject({
      speedup: 1.35,
      speedupLow: 1.2,
      speedupHigh: 1.5,
      macsSkipped: 0.4,
    });
    expect([format.times(1.349), format.times(null)]).toEqual(['× 1.35', '–']);
  });

  it('keeps the candidate apart from production, until all of production is at it', () => {
    const trial = { state: 'trial', candidate: 0.2, candidateSparsity: 0.4, zeroRatio: 0.5 };
    expect(frameOf(5, report(trial), {}, undefined)).toMatchObject({
      threshold: 0,
      exposure: 0,
      sparsity: 0,
      candidate: 0.2,
      candidateSparsity: 0.4,
      zeros: 0.5,
    });
    const part = { threshold: 0.2, share: 0.25, rest: 0 };
    const ramp = {
      ...trial,
      state: 'tracking',
      threshold: 0.2,
      exposure: 0.25,
      production: part,
      sparsity: 0.1,
    };
    expect(frameOf(5, report(ramp), {}, undefined)).toMatchObject({
      threshold: 0.2,
      exposure: 0.25,
      sparsity: 0.1,
      candidate: null,
      candidateSparsity: 0.4,
      zeros: 0.55,
    });
    expect(frameOf(5, report({ ...ramp, exposure: 1, sparsity: 0.4 }), {}, undefined)).toMatchObject({
      sparsity: 0.4,
      candidateSparsity: null,
      zeros: 0.7,
    });
  });

  it('takes over agreement with its bounds and floor, drift with its limit', () => {
    const agreement = { ...NO_AGREEMENT, ratio: 0.99, lowerBound: 0.97, upperBound: 0.995 };
    const drift = { distance: 0.1, limit: 0.3, site: 's' };
    expect(frameOf(5, report({ agreement, drift }), {}, undefined)).toMatchObject({
      agreement: 0.99,
      lowerBound: 0.97,
      upperBound: 0.995,
      floor: 0.95,
      distance: 0.1,
      limit: 0.3,
    });
  });

  it('draws no floor where the objective is not the share of answers that agree', () => {
    const objective = { measure: 'auto', floor: 0.95 };
    expect(frameOf(5, report({ objective }), {}, undefined)).toMatchObject({ floor: null });
  });

  it('marks a change even when the state has the same name again', () => {
    const change = (at: number) => ({ state: 'trial', change: { at, reason: 'retry', detail: '' } });
    const before = frameOf(1, report(change(100)), {}, undefined);
    expect(frameOf(2, report(change(100)), {}, before).isChange).toBe(false);
    expect(frameOf(2, report(change(200)), {}, before).isChange).toBe(true);
  });
});

describe('the past', () => {
  it('is what the history of the server tells, on the clock of the page', () => {
    const change = (at: number, state: string, exposure: number) => ({
      at,
      state,
      exposure,
      threshold: exposure && 1,
      candidate: null,
      reason: 'ramped',
      detail: '',
    });
    const changes = [change(1000, 'trial', 0), change(6000, 'tracking', 0.05)];
    const frames = pastFrames({ model: 'm', now: 10_000, changes }, 110_000);
    expect(frames.map(({ at, state, exposure, isChange }) => [at, state, exposure, isChange])).toEqual([
      [101_000, 'trial', 0, false],
      [103_000, 'trial', 0, false],
      [105_000, 'trial', 0, false],
      [105_999, 'trial', 0, false],
      [106_000, 'tracking', 0.05, true],
      [108_000, 'tracking', 0.05, false],
      [109_999, 'tracking', 0.05, false],
    ]);
  });

  it('reaches back as far as the series do', () => {
    const change = {
      at: 0,
      state: 'warming',
      exposure: 0,
      threshold: 0,
      candidate: null,
      reason: 'operator',
      detail: '',
    };
    const frames = pastFrames({ model: 'm', now: 3_600_000, changes: [change] }, 3_600_000);
    expect(frames[0]).toMatchObject({ at: 3_000_000, isChange: false });
    expect(pastFrames({ model: 'm', now: 5, changes: [] }, 5)).toEqual([]);
  });
});

describe('frames', () => {
  const frame = (seconds: number, state = 'warming') => ({ at: seconds * 1000, state });

  it('reach back ten minutes', () => {
    let frames: Frame[] = [];
    for (let second = 0; second <= 1000; second += 100) frames = withFrame(frames, frame(second));
    expect(frames.map(({ at }) => at / 1000)).toEqual([400, 500, 600, 700, 800, 900, 1000]);
  });

  it('are shown over at least a minute', () => {
    expect(timeDomain([frame(100), frame(110)])).toEqual([50_000, 110_000]);
    expect(timeDomain([frame(100), frame(300)])).toEqual([100_000, 300_000]);
  });

  it('make stretches of one state, broken while nothing was heard', () => {
    const frames = [
      frame(0),
      frame(1),
      frame(2, 'trial'),
      frame(3, 'trial'),
      frame(30, 'trial'),
      frame(31, 'trial'),
    ];
    expect(stretches(frames)).toEqual([
      { state: 'warming', from: 0, to: 2000 },
      { state: 'trial', from: 2000, to: 3000 },
      { state: 'trial', from: 30_000, to: 31_000 },
    ]);
    expect(stretches([])).toEqual([]);
  });
});

describe('figures', () => {
  it.each([
    [0, '0'],
    [0.140625, '0.141'],
    [0.5, '0.5'],
    [20, '20'],
    [100, '100'],
    [1500, '1500'],
    [-0.25, '−0.25'],
    [0.00012345, '1.23e-4'],
    [250_000, '2.50e+5'],
    [null, '–'],
    [Number.NaN, '–'],
  ])('%s has three significant digits as %s', (value, text) => {
    expect(format.significant(value)).toBe(text);
  });

  it.each([
    [0.00012, '120 µs'],
    [0.0015, '1.5 ms'],
    [0.25, '250 ms'],
    [0.9999, '1.00 s'],
    [2.5, '2.50 s'],
    [0, '0 ms'],
    [null, '–'],
  ])('%s s is %s', (seconds, text) => {
    expect(format.duration(seconds)).toBe(text);
  });

  it('are short', () => {
    expect(format.percent(0.1234)).toBe('12.3 %');
    expect(format.percent(null)).toBe('–');
    expect(format.percent(1, 0)).toBe('100 %');
    expect(format.rate(12.34)).toBe('12.3');
    expect(format.rate(1234)).toBe('1234');
    expect(format.shorten('τ = 0.8408964276313782, β* = 0.703, 12 requests')).toBe(
      'τ = 0.8409, β* = 0.703, 12 requests',
    );
  });

  it.each([
    [-5, 'just now'],
    [3, 'just now'],
    [60, '60 s ago'],
    [600, '10 min ago'],
    [7200, '2 h ago'],
    [260_000, '3 days ago'],
  ])('%s s before now is %s', (seconds, text) => {
    expect(format.ago(1e12 - seconds * 1000, 1e12)).toBe(text);
  });
});
