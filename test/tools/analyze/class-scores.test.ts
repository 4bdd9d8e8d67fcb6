import { describe, expect, it } from 'vitest';
import type { Datatype, Tensor } from '../../../src/protocol/types.ts';
import {
  assertClasses,
  scoresOutput,
  shareAlike,
  topClasses,
} from '../../../src/tools/analyze/class-scores.ts';
import { halfBits } from '../../onnx/models.ts';

const spec = (name: string, datatype: Datatype, shape: number[]) => ({ name, datatype, shape });

describe('class scores', () => {
  it('are the first floating-point output of [rows, classes ≥ 2]', () => {
    expect(
      scoresOutput([
        spec('ids', 'INT64', [-1, 10]),
        spec('state', 'FP32', [-1, 4, 8]),
        spec('score', 'FP32', [-1, 1]),
        spec('logits', 'FP16', [-1, 10]),
        spec('later', 'FP32', [-1, 10]),
      ]),
    ).toBe('logits');
    expect(scoresOutput([spec('mask', 'FP32', [-1, 8, 8])])).toBeUndefined();
  });

  it('give the largest, the first of equals, in float16 too', () => {
    const values = [0, 2, 1, /**/ 3, 3, -1, /**/ -5, -4, -6];
    const tensors: Tensor[] = [
      { name: 's', datatype: 'FP32', shape: [3, 3], elements: Float32Array.from(values) },
      { name: 's', datatype: 'FP16', shape: [3, 3], elements: Uint16Array.from(values, halfBits) },
    ];
    for (const tensor of tensors) {
      const into = new Int32Array(5).fill(-1);
      topClasses(tensor, into, 2);
      expect([...into]).toEqual([-1, -1, 1, 0, 1]);
    }
  });

  it('are compared row by row', () => {
    expect(shareAlike(Int32Array.of(1, 2, 3, 4), Int32Array.of(1, 0, 3, 0))).toBe(0.5);
  });

  it('refuse a label that is no class, with its row', () => {
    expect(() => assertClasses(Int32Array.of(0, 9), 10)).not.toThrow();
    expect(() => assertClasses(Int32Array.of(0, 3, 10), 10)).toThrow(
      "labels: row 2 has class 10, the model's output has 10 (0 … 9)",
    );
    expect(() => assertClasses(Int32Array.of(-1), 10)).toThrow('row 0 has class -1');
  });
});
