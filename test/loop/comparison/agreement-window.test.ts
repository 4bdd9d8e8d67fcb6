import { describe, expect, it } from 'vitest';
import { AgreementWindow, wilson } from '../../../src/loop/comparison/agreement-window.ts';

describe('wilson', () => {
  it.each([
    [0, 0, 0, 1],
    [10, 10, 0.7225, 1],
    [0, 10, 0, 0.2775],
    [50, 100, 0.4038, 0.5962],
    [95, 100, 0.8882, 0.9785],
  ])('%i of %i', (successes, trials, low, high) => {
    const [lower, upper] = wilson(successes, trials);
    expect(lower).toBeCloseTo(low, 3);
    expect(upper).toBeCloseTo(high, 3);
  });
});

describe('AgreementWindow', () => {
  it('reads the mean over rows of the latest comparisons, old ones forgotten', () => {
    const window = new AgreementWindow(2);
    window.add({ rows: 1, agreed: 0, loss: 1, kl: 9, cosine: 0 });
    window.add({ rows: 1, agreed: 1, loss: 0, kl: 1, cosine: 1 });
    window.add({ rows: 3, agreed: 2, loss: 0.25, kl: 2, cosine: 0.5 });
    expect(window.reading).toMatchObject({
      comparisons: 2,
      ratio: 3 / 4,
      loss: 0.75 / 4,
      kl: 7 / 4,
      cosine: 2.5 / 4,
    });
  });

  it('bounds the mean loss: by the rule of three where nothing is lost, by standard errors else', () => {
    const window = new AgreementWindow(500);
    for (let i = 0; i < 100; i++) window.add({ rows: 1, agreed: 1, loss: 0, kl: 0, cosine: 1 });
    expect(window.reading).toMatchObject({ lossLowerBound: 0, lossUpperBound: 0.03 });
    for (let i = 0; i < 100; i++) window.add({ rows: 1, agreed: 0, loss: 1, kl: 0, cosine: 1 });
    const half = 1.96 * Math.sqrt(0.25 / 200);
    expect(window.reading.lossLowerBound).toBeCloseTo(0.5 - half, 4);
    expect(window.reading.lossUpperBound).toBeCloseTo(0.5 + half, 4);
  });

  it('counts requests of one block as one where it says how sure it is, and as many where it takes the mean', () => {
    const answers = Array.from({ length: 120 }, (_, i) => {
      const agreed = i % 12 === 0 ? 0 : 1;
      return { rows: 1, agreed, loss: 1 - agreed, kl: 0, cosine: 1 };
    });
    const grouped = new AgreementWindow(500);
    for (const [i, answer] of answers.entries())
      grouped.add(answer, { stream: i % 2, block: Math.floor(i / 12), left: 1 });
    const single = new AgreementWindow(500);
    for (const answer of answers) single.add(answer);
    expect(grouped.reading).toMatchObject({ comparisons: 120, ratio: 11 / 12, loss: single.reading.loss });
    // Twenty blocks: ten of each of two streams.
    expect([grouped.reading.lowerBound, grouped.reading.upperBound]).toEqual(wilson((20 * 11) / 12, 20));
    const widthOf = ({ lossLowerBound, lossUpperBound }: typeof single.reading) =>
      lossUpperBound - lossLowerBound;
    expect(widthOf(grouped.reading)).toBeGreaterThan(2 * widthOf(single.reading));
    grouped.add(answers[0]!, { stream: 0, block: 99, left: -1 });
    expect(grouped.reading.comparisons).toBe(121);
  });

  it('knows nothing before the first comparison', () => {
    const { comparisons, ratio, lowerBound, upperBound } = new AgreementWindow(4).reading;
    expect([comparisons, ratio, lowerBound, upperBound]).toEqual([0, Number.NaN, 0, 1]);
  });
});
