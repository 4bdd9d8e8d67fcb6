import { describe, expect, it } from 'vitest';
import { consoleModule } from './console-module.ts';

const { objectiveText, standingOf } = await consoleModule<{
  objectiveText(report: object): string;
  standingOf(report: object): string;
}>('objective');
const { answersText, exposureTexts } = await consoleModule<{
  answersText(report: object): string;
  exposureTexts(report: object): { candidate: string; rest: string };
}>('exposure');
const { progressOf, upstreamText } = await consoleModule<{
  progressOf(report: object): string;
  upstreamText(report: object): string;
}>('state-panel');

function report(exposure: number, mean: number | null, rest = 0, more: object = {}) {
  return {
    mode: 'auto',
    state: 'tracking',
    change: { at: 1, reason: 'ramped', detail: '' },
    exposure,
    candidate: 0.5,
    production: { threshold: exposure && 0.5, share: exposure || 1, rest },
    loss: { mean, lower: (mean ?? 0) / 2, upper: 2 * (mean ?? 0.5), allowed: 0.01 },
    agreement: { pairs: 40 },
    ...more,
  };
}

describe('the objective', () => {
  it.each([
    ['nothing compared', report(0, null), 'unknown'],
    ['a candidate in the shadow, however bad', report(0, 0.9), 'shadow'],
    ['less than is allowed', report(1, 0.009), 'kept'],
    ['more than is allowed', report(1, 0.011), 'broken'],
    ['more, in mode fixed', report(1, 0.5, 0, { mode: 'fixed', state: 'fixed' }), 'broken'],
    ['more, of a share that keeps production within', report(0.01, 0.5), 'above'],
    ['more than the share allows', report(0.25, 0.05), 'broken'],
    ['more, where the rest is pruned too', report(0.01, 0.011, 0.25), 'broken'],
    [
      'a threshold that disagreed',
      report(0, null, 0, { state: 'fallback', change: { reason: 'disagreement' } }),
      'withdrawn',
    ],
  ])('of %s', (_, judged, standing) => {
    expect(standingOf(judged)).toBe(standing);
  });

  it('is called broken only as far as chance allows', () => {
    expect(objectiveText(report(1, 0.011))).toBe(
      'The objective is broken so far; it may be chance, 40 answers compared.',
    );
    expect(objectiveText(report(1, 0.03))).toBe('The objective is broken; 40 answers compared.');
    expect(objectiveText(report(0.01, 0.5))).toContain('Production loses 0.005');
  });
});

describe('where the model runs', () => {
  const url = 'grpc://triton:8001';
  it.each([
    ['here', null, ''],
    ['elsewhere', { url, capability: 'full', reason: null, doubt: null }, `It runs at ${url}.`],
    [
      'elsewhere, without statistics',
      { url, capability: 'thresholds', reason: 'no taps', doubt: null },
      `It runs at ${url}. Only mode fixed prunes, since no threshold can be found: no taps.`,
    ],
    [
      'elsewhere, without an instrumented model',
      { url, capability: 'plain', reason: 'there is none', doubt: null },
      `It runs at ${url}. Nothing can be pruned there: there is none.`,
    ],
    [
      'elsewhere, in doubt',
      { url, capability: 'full', reason: null, doubt: 'connection lost' },
      `It runs at ${url}. Answers are dense until it is known to be the same: connection lost`,
    ],
  ])('%s', (_, upstream, text) => {
    expect(upstreamText({ upstream })).toBe(text);
  });
});

describe('what clients are answered', () => {
  it.each([
    [report(0, null), 'Every answer is dense.'],
    [report(0.01, null), '1 % of production is pruned at τ 0.5, the rest is dense.'],
    [report(0.25, null, 0.25), '25 % of production is pruned at τ 0.5, the rest at τ 0.25.'],
    [report(1, null), 'Every answer is pruned at τ 0.5.'],
  ])('is said as it is', (exposed, text) => {
    expect(answersText(exposed)).toBe(text);
  });

  it('names the candidate that waits, and the one that is withheld', () => {
    expect(exposureTexts(report(0, null, 0, { state: 'trial' }))).toEqual({
      candidate: 'candidate τ 0.5, in the shadow',
      rest: 'all of production: dense',
    });
    expect(exposureTexts(report(0, null, 0, { mode: 'fixed' })).candidate).toBe('candidate τ 0.5, withheld');
    expect(exposureTexts(report(0.05, null))).toEqual({
      candidate: '5 %: candidate τ 0.5',
      rest: '95 %: dense',
    });
  });
});

describe('progress', () => {
  it('in mode fixed is of the fixed threshold, whatever trial was under way before', () => {
    const trial = { threshold: 0.125, observations: 5, needed: 197 };
    const fixed = {
      ...report(1, 0.001, 0, { mode: 'fixed', state: 'fixed' }),
      phase: { kind: 'tracking', share: 0.25, trial },
      window: { samples: 8, capacity: 256 },
      judgedThreshold: 0.5,
    };
    expect(progressOf(fixed)).toBe('window 8 of 256 sampled requests; 40 answers compared at τ 0.5');
    expect(progressOf({ ...fixed, mode: 'auto' })).toContain('τ 0.125 on trial');
  });
});

describe('requests that resemble each other', () => {
  const of = (streams: object) =>
    progressOf({
      ...report(0, null),
      phase: { kind: 'warming' },
      window: { samples: 16, capacity: 256 },
      search: null,
      streams: { correlationTime: 4, ...streams },
    });

  it('are told of, with how far the reference of drift is', () => {
    expect(of({ blockRequests: 1, gathered: null })).toBe('window 16 of 256 sampled requests');
    expect(of({ blockRequests: 16, gathered: null })).toBe(
      'window 16 of 256 sampled requests; requests resemble those before them: 16 in a row count as one',
    );
    expect(of({ blockRequests: 16, gathered: { requests: 40, of: 240 } })).toMatch(
      /count as one, drift is watched once 240 of them make a reference \(40 so far\)$/,
    );
  });
});
