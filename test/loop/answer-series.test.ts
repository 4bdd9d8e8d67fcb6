import { describe, expect, it } from 'vitest';
import { xorshift } from '../../src/drift/xorshift.ts';
import { AnswerSeries } from '../../src/loop/answer-series.ts';
import type { Tensor } from '../../src/protocol/types.ts';
import { normal, type Random } from '../drift/traffic.ts';

type Answer = (scene: number, random: Random) => Tensor[];

const CLASSES = 10;
const logits: Answer = (scene, random) => {
  const elements = Float32Array.from({ length: CLASSES }, (_, c) => (c === scene ? 4 : 0) + normal(random));
  return [{ name: 'logits', datatype: 'FP32', shape: [1, CLASSES], elements }];
};
const label: Answer = (scene) => [
  { name: 'label', datatype: 'INT64', shape: [1], elements: BigInt64Array.of(BigInt(scene)) },
];
const halves: Answer = (scene, random) => {
  // Bits of half-precision numbers between 1 and 2.
  const elements = Uint16Array.from(
    { length: CLASSES },
    (_, c) => 0x3c00 + (c === scene ? 512 : 0) + 256 * random(),
  );
  return [{ name: 'half', datatype: 'FP16', shape: [1, CLASSES], elements }];
};
const brain: Answer = () => [{ name: 'b', datatype: 'BF16', shape: [1, 2], elements: Uint16Array.of(1, 2) }];
const text: Answer = () => [
  { name: 'text', datatype: 'BYTES', shape: [1], elements: [new TextEncoder().encode('yes')] },
];
const ANSWERS = { logits, label, halves };

/** Tells of answers, each of whose scenes lasts so many on average. */
function told(answers: number, sceneAnswers: number, answer: Answer, series = new AnswerSeries(), seed = 1) {
  const random = xorshift(seed);
  let scene = 0;
  for (let i = 0; i < answers; i++) {
    if (random() * sceneAnswers < 1) scene = Math.floor(CLASSES * random());
    series.add(answer(scene, random));
  }
  return series;
}

describe('the answers of production', () => {
  it.each(Object.entries(ANSWERS))('tell over how many of them they resemble each other: %s', (_, answer) => {
    expect(told(4096, 1, answer).time).toBe(1);
    const { time } = told(4096, 10, answer);
    expect(time).toBeGreaterThan(5);
    expect(time).toBeLessThan(80);
  });

  it.each([text, brain])('tell nothing where there is no number in them that is read', (answer) => {
    const series = told(2000, 10, answer);
    expect(series.time).toBe(1);
    expect(series.isTelling).toBe(true);
  });

  it('do not resemble each other by how many rows they have', () => {
    const random = xorshift(3);
    const series = new AnswerSeries();
    for (let i = 0; i < 4096; i++) {
      const rows = Math.floor(i / 300) % 2 === 0 ? 1 : 8;
      const elements = Float32Array.from(
        { length: rows * CLASSES },
        (_, k) => 3 + (k % CLASSES) + normal(random),
      );
      series.add([{ name: 'logits', datatype: 'FP32', shape: [rows, CLASSES], elements }]);
    }
    expect(series.time).toBe(1);
  });

  it('of requests without a name are forgotten once all have one', () => {
    const series = told(4096, 10, logits);
    expect(series.time).toBeGreaterThan(3);
    for (let i = 0; i < 4095; i++) series.passed();
    expect(series.time).toBeGreaterThan(3);
    series.passed();
    expect(series.time).toBe(1);
  });

  it('are waited for until there are enough to tell, once there are any', () => {
    const series = new AnswerSeries();
    expect(series.isTelling).toBe(true);
    expect(told(1023, 1, logits, series).isTelling).toBe(false);
    expect(told(1, 1, logits, series).isTelling).toBe(true);
    series.restart();
    expect(series.isTelling).toBe(true);
  });

  it('are compared with those of the same threshold only', () => {
    const series = new AnswerSeries();
    for (let seed = 1; seed <= 20; seed++) {
      const level: Answer = (scene, random) =>
        logits(scene, random).map((t) => ({
          ...t,
          elements: (t.elements as Float32Array).map((x) => x + seed),
        }));
      told(1500, 1, level, series, seed);
      series.begin();
    }
    expect(series.time).toBe(1);
  });

  it('of other traffic begin anew; what was known goes on until they tell more', () => {
    const series = told(4096, 10, logits);
    const before = series.time;
    series.restart();
    expect(series.time).toBeGreaterThan(0.5 * before);
    told(16 * 512, 1, logits, series, 2);
    expect(series.time).toBe(1);
  });

  it('tell no less where the threshold changes often, which leaves few of each to compare', () => {
    const series = told(4096, 200, logits);
    const before = series.time;
    for (let seed = 1; seed <= 12; seed++) {
      series.begin();
      told(600, 200, logits, series, seed);
      expect(series.time).toBeGreaterThanOrEqual(before);
    }
  });

  it('that are not finite are no reason to fail', () => {
    const broken: Answer = (scene, random) =>
      logits(scene, random).map((t) => ({
        ...t,
        elements: Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY),
      }));
    expect(told(1024, 1, broken).time).toBe(1);
  });
});
