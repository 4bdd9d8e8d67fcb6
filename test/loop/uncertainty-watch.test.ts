import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { xorshift } from '../../src/drift/xorshift.ts';
import { UncertaintyWatch } from '../../src/loop/uncertainty-watch.ts';

const TAU = 0.5;

/** A watch that has seen usual answers: margins spread evenly over [0, 1). */
function usual(answers = 512, random = xorshift(5)): UncertaintyWatch {
  const watch = new UncertaintyWatch();
  for (let i = 0; i < answers; i++) watch.answered(TAU, random());
  return watch;
}

function tell(watch: UncertaintyWatch, margins: readonly number[], threshold = TAU): boolean {
  for (const margin of margins) watch.answered(threshold, margin);
  return watch.isSuspicious(threshold);
}

describe('UncertaintyWatch', () => {
  it('is rarely suspicious of answers that are as they were: about one in a hundred', () => {
    const random = xorshift(11);
    const watch = usual(512, random);
    let suspicious = 0;
    for (let i = 0; i < 50_000; i++) if (tell(watch, [random()])) suspicious++;
    expect(suspicious / 50_000).toBeLessThan(0.02);
    expect(suspicious).toBeGreaterThan(0);
  });

  it('is suspicious after three uncertain answers in a row wherever it stood, and of no two after a certain time', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0.3, max: 1, noNaN: true }), { maxLength: 30 }), (before) => {
        const watch = usual();
        tell(watch, before);
        expect(tell(watch, [-1, -1, -1])).toBe(true);
      }),
    );
    const watch = usual();
    expect(tell(watch, [...new Array<number>(20).fill(0.9), -1, -1])).toBe(false);
  });

  it('forgets a suspicion after two certain answers, however long it was held', () => {
    const watch = usual();
    expect(tell(watch, new Array<number>(20).fill(-1))).toBe(true);
    expect(tell(watch, [0.9, 0.9])).toBe(false);
  });

  it('sees the ranks of margins only: any increasing scale of the scores gives the same suspicions', () => {
    const random = xorshift(17);
    const plain = new UncertaintyWatch();
    const scaled = new UncertaintyWatch();
    for (let i = 0; i < 5000; i++) {
      const margin = i % 1000 > 950 ? 0.2 * random() : random();
      plain.answered(TAU, margin);
      scaled.answered(TAU, Math.exp(9 * margin) - 40);
      expect(scaled.isSuspicious(TAU)).toBe(plain.isSuspicious(TAU));
    }
  });

  it('takes for usual what stays: answers that remain less certain are no news', () => {
    const watch = usual();
    const random = xorshift(23);
    const lower = () => Array.from({ length: 512 }, () => 0.15 * random());
    expect(tell(watch, lower().slice(0, 8))).toBe(true);
    tell(watch, lower());
    let suspicious = 0;
    for (const margin of lower()) if (tell(watch, [margin])) suspicious++;
    expect(suspicious).toBeLessThan(40);
  });

  it('knows nothing before it has seen what is usual, and suspects each threshold by itself', () => {
    expect(tell(usual(255), [-1, -1, -1])).toBe(false);
    const watch = usual();
    expect(tell(watch, [-1, -1, -1], 0.25)).toBe(true);
    expect(watch.isSuspicious(TAU)).toBe(false);
    expect(tell(watch, [-1, -1, -1])).toBe(true);
    expect(tell(watch, [0.9, 0.9], 0.25)).toBe(false);
    expect(watch.isSuspicious(TAU)).toBe(true);
    watch.reset();
    expect(watch.isSuspicious(TAU)).toBe(false);
    expect(tell(watch, [-1, -1, -1])).toBe(false);
  });

  it('takes what was usual at the threshold before for usual at a new one, dense answers too, which it never suspects', () => {
    const random = xorshift(37);
    const watch = new UncertaintyWatch();
    for (let i = 0; i < 512; i++) watch.answered(0, random());
    expect(tell(watch, new Array<number>(20).fill(-1), 0)).toBe(false);
    watch.compared(0, 1);
    expect(watch.isSuspicious(0)).toBe(false);
    for (let i = 0; i < 256; i++) watch.answered(0, random());
    expect(tell(watch, [-1, -1, -1], 0.25)).toBe(true);
    // Its own answers tell, once there are enough.
    for (let i = 0; i < 512; i++) watch.answered(0.5, 10 + random());
    expect(tell(watch, [9, 9, 9], 0.5)).toBe(true);
  });

  it('asks for sixty-four answers in a row, and for few of those that keep coming', () => {
    const watch = usual();
    const asked = Array.from({ length: 63 }, () => tell(watch, [-1])).filter(Boolean).length;
    expect(asked).toBeGreaterThanOrEqual(60);
    const later = Array.from({ length: 63 }, () => tell(watch, [-1])).filter(Boolean).length;
    expect(later).toBeLessThanOrEqual(9);
  });

  it('ends when twenty-six comparisons in a row have found nothing, and not while some find something', () => {
    const askedFor = (lossOf: (i: number) => number, marginOf = (i: number) => -1 - 0.1 * (i % 7)) => {
      const watch = usual();
      let asked = 0;
      for (let i = 0; i < 60; i++) {
        if (!tell(watch, [marginOf(i)])) continue;
        asked++;
        watch.compared(TAU, lossOf(i));
      }
      return asked;
    };
    expect(askedFor(() => 0)).toBeLessThanOrEqual(29);
    expect(askedFor((i) => (i % 20 === 0 ? 0.4 : 0))).toBeGreaterThan(55);
    // One answer to all inputs is right by chance, where it is.
    expect(
      askedFor(
        () => 0,
        () => -1,
      ),
    ).toBeGreaterThan(55);
    const calm = usual();
    for (let i = 0; i < 100; i++) calm.compared(TAU, 0);
    expect(tell(calm, [-1, -1, -1])).toBe(true);
  });

  it('asks for one answer in twenty at most where hard inputs come in rows', () => {
    const watch = usual();
    const random = xorshift(29);
    let asked = 0;
    for (let i = 0; i < 50_000; i++)
      if (tell(watch, [i % 250 < 50 ? 0.2 * random() : 0.2 + random()])) asked++;
    expect(asked / 50_000).toBeLessThan(0.05);
  });

  it('takes an answer that is not finite for uncertain', () => {
    expect(tell(usual(), new Array<number>(3).fill(Number.NaN))).toBe(true);
  });

  it('is never suspicious of answers that are all the same', () => {
    const watch = new UncertaintyWatch();
    expect(tell(watch, new Array<number>(600).fill(1))).toBe(false);
  });

  it('keeps a few thresholds and no more', () => {
    const watch = usual();
    for (const threshold of [1, 2, 3, 4]) watch.answered(threshold, 1);
    expect(tell(watch, [-1, -1, -1])).toBe(true);
    watch.answered(5, 1);
    expect(watch.isSuspicious(TAU)).toBe(false);
  });
});
