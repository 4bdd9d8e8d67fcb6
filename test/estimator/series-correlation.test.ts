import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { xorshift } from '../../src/drift/xorshift.ts';
import { seriesCorrelation } from '../../src/estimator/series-correlation.ts';
import { normal, type Random } from '../drift/traffic.ts';

const CHANNELS = 3;

/** A series of so many items, each from a function of the one before it. */
function series(items: number, next: (random: Random, before: number[]) => number[], random: Random) {
  const values: number[] = [];
  let item = next(random, []);
  for (let i = 0; i < items; i++) {
    values.push(...item);
    item = next(random, item);
  }
  return Float64Array.from(values);
}

const fresh = (random: Random) => Array.from({ length: CHANNELS }, () => normal(random));
const autoregressive = (rho: number) => (random: Random, before: number[]) =>
  fresh(random).map((x, c) => rho * (before[c] ?? 0) + Math.sqrt(1 - rho * rho) * x);
const INDEPENDENT: Readonly<Record<string, (random: Random) => number[]>> = {
  'normal numbers': fresh,
  'one number three times': (random) => {
    const x = normal(random);
    return [x, 2 * x, 3 * x];
  },
  'rare events': (random) => {
    const x = random() < 0.03 ? 1 : 0;
    return [x, x, -x];
  },
  'heavy tails': (random) => fresh(random).map((x) => x ** 3),
};

/** Streams of scenes that take turns at random. */
function inTurn(streams: number, sceneItems: number) {
  const latest: number[][] = [];
  return (random: Random) => {
    const k = Math.floor(streams * random());
    if (latest[k] === undefined || random() * sceneItems < 1) latest[k] = fresh(random);
    return latest[k]!;
  };
}

/** The mean square of sums of blocks of one length, of values with mean 0 and variance 1; by its formula. */
function blockFormula(values: Float64Array, length: number): number {
  let total = 0;
  for (let c = 0; c < CHANNELS; c++) {
    const channel = Array.from(values).filter((_, i) => i % CHANNELS === c);
    const mean = channel.reduce((a, b) => a + b) / channel.length;
    const variance = channel.reduce((a, x) => a + (x - mean) ** 2, 0) / channel.length;
    const blocks = Math.floor(channel.length / length);
    for (let b = 0; b < blocks; b++) {
      const block = channel.slice(b * length, (b + 1) * length);
      const sum = block.reduce((a, x) => a + (x - mean) / Math.sqrt(variance), 0);
      total += sum ** 2 / length / blocks / CHANNELS;
    }
  }
  return total;
}

const seeds = Array.from({ length: 12 }, (_, i) => i + 1);
const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

describe('the correlation time of a series', () => {
  it('is the mean square of the sums of one length of blocks, by its formula', () => {
    for (const seed of seeds) {
      const values = series(2048, autoregressive(0.8), xorshift(seed));
      const time = seriesCorrelation(values, CHANNELS)!;
      const possible = [16, 32, 64, 128].map((length) => blockFormula(values, length));
      expect(Math.min(...possible.map((x) => Math.abs(x - time)))).toBeLessThan(1e-9);
    }
  });

  it.each([0.5, 0.8, 0.95])('is about (1 + ρ)/(1 − ρ) of an autoregression with ρ = %d', (rho) => {
    const times = seeds.map(
      (seed) => seriesCorrelation(series(4096, autoregressive(rho), xorshift(seed)), CHANNELS)!,
    );
    expect(median(times) / ((1 + rho) / (1 - rho))).toBeGreaterThan(0.75);
    expect(median(times) / ((1 + rho) / (1 - rho))).toBeLessThan(1.5);
  });

  it.each(Object.entries(INDEPENDENT))('is 1 where items are independent: %s', (_, next) => {
    let wrong = 0;
    for (let seed = 1; seed <= 200; seed++) {
      const values = series(4096, next, xorshift(31 * seed));
      for (const items of [512, 1024, 4096])
        if (seriesCorrelation(values.subarray(0, items * CHANNELS), CHANNELS) !== 1) wrong++;
    }
    expect(wrong).toBeLessThanOrEqual(1);
  });

  it('is not made of a shift that is a twentieth of the series old', () => {
    for (const level of [0.5, 1, 2])
      for (const seed of seeds) {
        const values = series(4096, fresh, xorshift(seed));
        for (let i = 0.95 * values.length; i < values.length; i += CHANNELS) values[Math.floor(i)]! += level;
        expect(seriesCorrelation(values, CHANNELS)).toBe(1);
      }
  });

  it('shows streams that take turns, whose resemblance is weak at each distance and reaches far, after a thousand items', () => {
    const timesOf = (items: number) =>
      seeds.map((seed) => seriesCorrelation(series(items, inTurn(8, 100), xorshift(seed)), CHANNELS)!);
    // Far more than a block shows of it, and no more than the scenes of all streams last.
    expect(median(timesOf(1024))).toBeGreaterThan(10);
    expect(Math.min(...timesOf(2048))).toBeGreaterThan(8);
    expect(Math.max(...timesOf(2048))).toBeLessThan(2 * 8 * 100);
  });

  it('does not depend on the scale of a channel, nor on where its zero is', () => {
    const random = xorshift(7);
    const values = series(1024, autoregressive(0.9), random);
    const time = seriesCorrelation(values, CHANNELS)!;
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.double({ min: 0.01, max: 100, noNaN: true }),
            fc.double({ min: -100, max: 100, noNaN: true }),
          ),
          {
            minLength: CHANNELS,
            maxLength: CHANNELS,
          },
        ),
        (scales) => {
          const other = values.map((x, i) => scales[i % CHANNELS]![0] * x + scales[i % CHANNELS]![1]);
          expect(seriesCorrelation(other, CHANNELS)).toBeCloseTo(time, 6);
        },
      ),
    );
  });

  it('is that of the channels that vary, and null where none does or there are too few items', () => {
    const values = series(1024, autoregressive(0.9), xorshift(3));
    const constant = values.map((x, i) => (i % CHANNELS === 1 ? 5 : x));
    expect(seriesCorrelation(constant, CHANNELS)).toBeGreaterThan(5);
    expect(seriesCorrelation(values.fill(2), CHANNELS)).toBeNull();
    expect(seriesCorrelation(new Float64Array(0), CHANNELS)).toBeNull();
    expect(seriesCorrelation(series(8, fresh, xorshift(1)), CHANNELS)).toBe(1);
  });
});
