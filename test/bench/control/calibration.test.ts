import { describe, expect, it } from 'vitest';
import { xorshift } from '../../../src/drift/xorshift.ts';
import { controlModule } from './module.ts';

const { calibrationError, fittedTemperature, logSoftmax } = await controlModule<{
  logSoftmax: (scores: Float32Array, temperature: number) => Float64Array;
  fittedTemperature: (rows: readonly Float32Array[], labels: readonly number[]) => number;
  calibrationError: (answers: readonly { confidence: number; isRight: boolean }[]) => number;
}>('objectives/calibration');

/** Rows whose labels are drawn from the softmax of the scores at a temperature. */
function labelled(temperature: number, count: number) {
  const random = xorshift(3);
  const rows = Array.from({ length: count }, () => Float32Array.from({ length: 4 }, () => 6 * random()));
  const labels = rows.map((scores) => {
    let u = random();
    const p = logSoftmax(scores, temperature).map(Math.exp);
    let label = 0;
    while (label < 3 && u >= p[label]!) u -= p[label++]!;
    return label;
  });
  return { rows, labels };
}

describe('calibration', () => {
  it('finds the temperature that the labels were drawn at', () => {
    for (const temperature of [0.5, 1, 2]) {
      const { rows, labels } = labelled(temperature, 4000);
      const error = Math.log(fittedTemperature(rows, labels) / temperature);
      expect(Math.abs(error)).toBeLessThan(0.1);
    }
  });

  it('makes confidence the share of right answers', () => {
    const { rows, labels } = labelled(2, 4000);
    const errorAt = (temperature: number) =>
      calibrationError(
        rows.map((scores, i) => {
          const p = logSoftmax(scores, temperature).map(Math.exp);
          const confidence = Math.max(...p);
          return { confidence, isRight: p.indexOf(confidence) === labels[i] };
        }),
      );
    expect(errorAt(1)).toBeGreaterThan(0.1);
    expect(errorAt(fittedTemperature(rows, labels))).toBeLessThan(0.03);
  });
});
