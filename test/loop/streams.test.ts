import { describe, expect, it } from 'vitest';
import { xorshift } from '../../src/drift/xorshift.ts';
import { type StreamReading, Streams } from '../../src/loop/streams.ts';
import { normal } from '../drift/traffic.ts';

/** Feeds requests in runs of a mean length, of some streams in turn; one of so many is sampled. */
function fed(
  meanLength: number,
  {
    names = [undefined as string | undefined],
    sampledOf = 1,
    seed = 1,
    onChange = (_: StreamReading) => {},
  } = {},
) {
  const random = xorshift(seed);
  const streams = new Streams(1, onChange);
  const latest = names.map(() => [normal(random), normal(random)]);
  for (let i = 0; i < 640 * sampledOf; i++) {
    const k = Math.floor(random() * names.length);
    if (random() * meanLength < 1) latest[k] = [normal(random), normal(random)];
    const place = streams.next(names[k]);
    if (random() * sampledOf < 1) streams.add(place, latest[k]!);
  }
  return streams.reading;
}

const seeds = Array.from({ length: 12 }, (_, i) => i + 1);
const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

describe('streams', () => {
  it('count each request by itself where none resembles another, sampled densely or not', () => {
    for (const sampledOf of [1, 6])
      for (const seed of seeds) expect(fed(1, { sampledOf, seed }).blockRequests).toBe(1);
  });

  it.each([
    [3, 1],
    [3, 6],
    [10, 1],
    [10, 6],
  ])(
    'in runs of mean length %i, one request of %i sampled, count four times 2 · length − 1 as one',
    (length, sampledOf) => {
      const blocks = seeds.map((seed) => fed(length, { sampledOf, seed }).blockRequests);
      expect(median(blocks) / (4 * (2 * length - 1))).toBeGreaterThan(0.65);
      expect(median(blocks) / (4 * (2 * length - 1))).toBeLessThan(1.5);
    },
  );

  it('know streams that take turns by their names, and measure each by its own requests', () => {
    const names = Array.from({ length: 24 }, (_, i) => `stream ${i}`);
    const named = median(seeds.map((seed) => fed(5, { names, seed }).blockRequests));
    expect(named / 36).toBeGreaterThan(0.6);
    expect(named / 36).toBeLessThan(1.6);
  });

  it('tell when the length of a block has changed, and only then', () => {
    const told: StreamReading[] = [];
    const reading = fed(5, { onChange: (next) => told.push(next) });
    expect(told.length).toBeGreaterThan(0);
    expect(told.at(-1)!.blockRequests).toBe(reading.blockRequests);
    for (const [i, { blockRequests }] of told.entries())
      expect(blockRequests).not.toBe(told[i - 1]?.blockRequests ?? 1);
    const quiet: StreamReading[] = [];
    fed(1, { onChange: (next) => quiet.push(next) });
    expect(quiet).toEqual([]);
  });

  it('do not take a shift of independent traffic for a resemblance, once it is noticed', () => {
    for (const seed of seeds) {
      const random = xorshift(seed);
      const streams = new Streams();
      const add = (level: number, count: number) => {
        for (let i = 0; i < count; i++) streams.add(streams.next(undefined), [level + normal(random)]);
      };
      add(0, 640);
      add(2, 30);
      streams.restart();
      add(2, 640);
      expect(streams.reading.blockRequests).toBe(1);
    }
  });

  it('are hardly ever taken for some whose requests resemble each other where samples come in bursts', () => {
    let wrong = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const random = xorshift(17 * seed);
      for (let i = 0; i < 10; i++) random();
      const streams = new Streams();
      let [index, burst, isWrong] = [0, 0, false];
      for (let n = 0; n < 3000; n++) {
        if (random() < 0.01) burst = 40;
        index += burst-- > 0 ? 1 : 1 + Math.floor(25 * random());
        const level = normal(random) ** 3;
        const summary = Array.from({ length: 4 }, () => level + 0.2 * normal(random));
        streams.add({ stream: 0, index }, summary);
        isWrong ||= streams.reading.blockRequests > 1;
      }
      if (isWrong) wrong++;
    }
    expect(wrong).toBeLessThanOrEqual(2);
  }, 60_000);

  it('that take turns without names are seen by their answers, before a window of samples is full', () => {
    for (const seed of seeds) {
      const random = xorshift(seed);
      const streams = new Streams();
      const scene = () => Float32Array.from({ length: 10 }, () => normal(random));
      const latest = Array.from({ length: 8 }, scene);
      for (let i = 0; i < 2048; i++) {
        const k = Math.floor(random() * latest.length);
        if (random() * 50 < 1) latest[k] = scene();
        streams.next(undefined);
        streams.answered([{ name: 'scores', datatype: 'FP32', shape: [1, 10], elements: latest[k]! }]);
      }
      expect(streams.reading.blockRequests).toBeGreaterThan(4 * 8);
    }
  });

  it('that have names put what the answers of others have told out, once all have one', () => {
    const random = xorshift(1);
    const streams = new Streams();
    let scene = 0;
    for (let i = 0; i < 4096; i++) {
      if (i % 100 === 0) scene = normal(random);
      streams.next(undefined);
      const elements = Float32Array.of(scene, normal(random));
      streams.answered([{ name: 'scores', datatype: 'FP32', shape: [1, 2], elements }]);
    }
    expect(streams.reading.blockRequests).toBeGreaterThan(100);
    for (let i = 0; i < 4096; i++) streams.add(streams.next('a'), [normal(random)]);
    for (let i = 0; i < 128; i++) streams.add(streams.next('a'), [normal(random)]);
    expect(streams.reading.blockRequests).toBe(1);
  });

  it('are not seen in a traffic that goes on and on to somewhere else', () => {
    for (const seed of seeds) {
      const random = xorshift(seed);
      const streams = new Streams();
      for (let i = 0; i < 4000; i++) {
        streams.add(streams.next(undefined), [Math.floor(i / 800) + normal(random)]);
        if (i % 800 === 16) streams.restart();
      }
      expect(streams.reading.blockRequests).toBe(1);
    }
  });

  it('go on with the blocks that were known before a restart, the last third of each left out', () => {
    const streams = new Streams(12);
    const units = Array.from({ length: 25 }, () => streams.unitOf(streams.next('a'))!);
    expect(units.map(({ block }) => block)).toEqual(units.map((_, i) => Math.floor(i / 12)));
    expect(units.slice(0, 12).map(({ left }) => left)).toEqual([7, 6, 5, 4, 3, 2, 1, 0, -1, -2, -3, -4]);
    expect(new Set(units.map(({ stream }) => stream)).size).toBe(1);
    expect(streams.unitOf(streams.next('b'))).toMatchObject({ block: 0, left: 7 });
    expect(new Streams().unitOf({ stream: 0, index: 3 })).toBeUndefined();
  });

  it('keep no more than some thousands apart', () => {
    const streams = new Streams();
    streams.next('first');
    for (let i = 0; i < 4096; i++) streams.next(`other ${i}`);
    expect(streams.next('first').index).toBe(0);
    expect(streams.next('other 4000').index).toBe(1);
  });

  it('are measured with hundreds of them, too, of which few samples each are seen', () => {
    for (const count of [150, 400, 1000]) {
      const random = xorshift(count);
      const streams = new Streams();
      const latest = Array.from({ length: count }, () => [normal(random), normal(random)]);
      for (let i = 0; i < 10_000; i++) {
        const k = i % count;
        if (random() * 5 < 1) latest[k] = [normal(random), normal(random)];
        streams.add(streams.next(`${k}`), latest[k]!);
      }
      expect(streams.reading.blockRequests).toBeGreaterThan(10);
      expect(streams.reading.blockRequests).toBeLessThan(60);
    }
  });

  it('are what they were while there are too few pairs of requests to tell', () => {
    const random = xorshift(5);
    const streams = new Streams(12);
    for (let i = 0; i < 3000; i++) streams.add(streams.next(`${i}`), [normal(random)]);
    expect(streams.reading.blockRequests).toBe(12);
  });

  it('do not forget at the first estimate after a restart what was known before', () => {
    const random = xorshift(5);
    const streams = new Streams(200);
    for (let i = 0; i < 256; i++) streams.add(streams.next(undefined), [normal(random)]);
    expect(streams.reading.blockRequests).toBe(200);
    for (let i = 0; i < 1024; i++) streams.add(streams.next(undefined), [normal(random)]);
    expect(streams.reading.blockRequests).toBe(1);
  });

  it('are measured before a search may begin, however early that is', () => {
    for (const firstSamples of [48, 100]) {
      const random = xorshift(5);
      const streams = new Streams(1, undefined, firstSamples);
      let latest = [normal(random), normal(random)];
      for (let i = 0; i < firstSamples; i++) {
        if (i % 8 === 0) latest = [normal(random), normal(random)];
        streams.add(streams.next(undefined), latest);
      }
      expect(streams.reading.blockRequests).toBeGreaterThan(8);
    }
  });

  /** Independent requests, then so many of another level, which nobody has noticed: production is pruned all along. */
  function shifted(samples: number) {
    const random = xorshift(8);
    let isPruned = true;
    const streams = new Streams(1, undefined, undefined, () => isPruned);
    const add = (level: number, count: number) => {
      for (let i = 0; i < count; i++) streams.add(streams.next(undefined), [level + normal(random)]);
    };
    add(0, 640);
    add(3, samples);
    return { streams, add, dense: () => (isPruned = false) };
  }

  it('do not make rare by a shift what watches production, before it would be noticed', () => {
    const { streams, add } = shifted(64);
    expect(streams.reading.blockRequests).toBeGreaterThan(50);
    expect(streams.watchedBlock).toBe(1);
    expect(streams.unitOf({ stream: 0, index: 7 })).toBeUndefined();
    add(3, 128);
    expect(streams.watchedBlock).toBe(1);
    // What was not noticed by now is taken for what it looks like.
    add(3, 128);
    expect(streams.watchedBlock).toBe(streams.reading.blockRequests);
    expect(streams.unitOf({ stream: 0, index: 7 })).toBeDefined();
  });

  it('forget what a shift has looked like once it is noticed', () => {
    const { streams, add, dense } = shifted(128);
    expect(streams.reading.blockRequests).toBeGreaterThan(50);
    dense();
    streams.restart();
    expect(streams.reading.blockRequests).toBe(1);
    add(3, 640);
    expect(streams.reading.blockRequests).toBe(1);
  });

  it('count at once as is measured where nothing is pruned', () => {
    const { streams, add, dense } = shifted(64);
    dense();
    add(3, 1);
    expect(streams.watchedBlock).toBe(streams.reading.blockRequests);
  });
});
