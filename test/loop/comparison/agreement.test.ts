import { describe, expect, it } from 'vitest';
import { type AgreementOptions, compare } from '../../../src/loop/comparison/agreement.ts';
import type { Tensor } from '../../../src/protocol/types.ts';

const AUTO: AgreementOptions = { measure: 'auto', tolerance: 0.1, cosineTolerance: 0.01 };

function scores(values: readonly number[], shape: readonly number[], name = 'logits'): Tensor {
  return { name, datatype: 'FP32', shape, elements: Float32Array.from(values) };
}

describe('compare', () => {
  it('counts rows whose largest score is at the same place', () => {
    const dense = [scores([1, 2, 0, 5, 1, 1], [2, 3])];
    const pruned = [scores([1, 3, 0, 0, 1, 0], [2, 3])];
    expect(compare(dense, pruned, AUTO)).toMatchObject({ rows: 2, agreed: 1 });
  });

  it('finds no divergence between equal answers', () => {
    const dense = [scores([0.3, -1, 4], [1, 3])];
    const result = compare(dense, dense, AUTO)!;
    expect(result.kl).toBe(0);
    expect(result.cosine).toBeCloseTo(1, 12);
  });

  it('gives KL(softmax ‖ softmax) in nats', () => {
    const dense = [scores([Math.log(0.75), Math.log(0.25)], [1, 2])];
    const pruned = [scores([Math.log(0.5), Math.log(0.5)], [1, 2])];
    const exact = 0.75 * Math.log(0.75 / 0.5) + 0.25 * Math.log(0.25 / 0.5);
    expect(compare(dense, pruned, AUTO)!.kl).toBeCloseTo(exact, 6);
  });

  it('judges outputs that are no class scores by their relative error, or by cosine where asked', () => {
    const dense = [scores([1, 0, 0, 1, 0, 0, 1, 0, 0], [3, 1, 3], 'embedding')];
    const pruned = [scores([1, 0.01, 0, 0, 1, 0, 2, 0, 0], [3, 1, 3], 'embedding')];
    expect(compare(dense, pruned, AUTO)).toMatchObject({ rows: 3, agreed: 1, loss: 2 / 3 });
    const cosine = compare(dense, pruned, { ...AUTO, measure: 'cosine' });
    expect(cosine).toMatchObject({ rows: 3, agreed: 2, loss: 1 / 3 });
  });

  it('sees a single number move, which has no angle', () => {
    const [dense, near, far] = [0.5, 0.54, 0.6].map((p) => [scores([p], [1, 1], 'probability')]);
    expect(compare(dense!, near!, AUTO)).toMatchObject({ agreed: 1, loss: 0 });
    expect(compare(dense!, far!, AUTO)).toMatchObject({ agreed: 0, loss: 1 });
    expect(compare([scores([0], [1, 1])], [scores([0], [1, 1])], AUTO)).toMatchObject({ agreed: 1 });
    expect(compare([scores([0], [1, 1])], [scores([1], [1, 1])], AUTO)).toMatchObject({ agreed: 0 });
  });

  it('loses the dense probability that the other class lacks, from scores or from probabilities', () => {
    const p = [0.6, 0.3, 0.1];
    const other = [scores([0, 2, 1], [1, 3])];
    for (const dense of [p, p.map(Math.log), p.map((x) => Math.log(x) + 7)])
      expect(compare([scores(dense, [1, 3])], other, AUTO)!.loss).toBeCloseTo(0.3, 6);
    expect(compare([scores(p, [1, 3])], other, { ...AUTO, measure: 'top1' })!.loss).toBe(1);
  });

  it('loses nothing where the class stays, and everything where the answer is not finite', () => {
    const dense = [scores([1, 2, 5, 1], [2, 2])];
    expect(compare(dense, [scores([0, 9, 1, 0], [2, 2])], AUTO)!.loss).toBe(0);
    expect(compare(dense, [scores([0, 9, Number.NaN, 0], [2, 2])], AUTO)!.loss).toBe(0.5);
  });

  it('leaves rows out in which the dense answer is not finite', () => {
    const dense = [scores([Number.NaN, 1, 1, 2], [2, 2])];
    expect(compare(dense, [scores([0, 1, 1, 2], [2, 2])], AUTO)).toMatchObject({ rows: 1, agreed: 1 });
    expect(compare([scores([Number.NaN, 1], [1, 2])], [scores([0, 1], [1, 2])], AUTO)).toBeNull();
  });

  it('counts a pruned answer that is not finite as a disagreement with a finite divergence', () => {
    const result = compare([scores([1, 2], [1, 2])], [scores([Number.NaN, 2], [1, 2])], AUTO)!;
    expect(result).toMatchObject({ rows: 1, agreed: 0 });
    expect(Number.isFinite(result.kl)).toBe(true);
  });

  it('compares float16 answers by value', () => {
    const half = (bits: number[]): Tensor => ({
      name: 'y',
      datatype: 'FP16',
      shape: [1, 3],
      elements: Uint16Array.from(bits),
    });
    // 1.0, 2.0, −4.0 against 1.0, 2.0, 4.0
    expect(compare([half([0x3c00, 0x4000, 0xc400])], [half([0x3c00, 0x4000, 0x4400])], AUTO)!.agreed).toBe(0);
    expect(compare([half([0x3c00, 0x4000, 0xc400])], [half([0x3c00, 0x4000, 0xc400])], AUTO)!.agreed).toBe(1);
  });

  it('compares integer answers exactly', () => {
    const labels = (values: bigint[]): Tensor => ({
      name: 'label',
      datatype: 'INT64',
      shape: [values.length, 1],
      elements: BigInt64Array.from(values),
    });
    expect(compare([labels([3n, 4n])], [labels([3n, 5n])], AUTO)).toMatchObject({ rows: 2, agreed: 1 });
  });

  it('uses the output that is named, and has nothing to say without it', () => {
    const outputs = [scores([1, 2], [1, 2], 'a'), scores([2, 1], [1, 2], 'b')];
    const other = [scores([1, 2], [1, 2], 'a'), scores([1, 2], [1, 2], 'b')];
    expect(compare(outputs, other, { ...AUTO, output: 'b' })!.agreed).toBe(0);
    expect(compare(outputs, other, { ...AUTO, output: 'c' })).toBeNull();
  });
});
