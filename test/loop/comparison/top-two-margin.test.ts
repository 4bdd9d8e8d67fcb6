import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AgreementOptions, comparedBy } from '../../../src/loop/comparison/agreement.ts';
import { topTwoMargin } from '../../../src/loop/comparison/top-two-margin.ts';
import type { Tensor } from '../../../src/protocol/types.ts';

const AUTO: AgreementOptions = { measure: 'auto', tolerance: 0.1, cosineTolerance: 0.01 };
const score = fc.float({ min: -50, max: 50, noNaN: true });

function scores(values: readonly number[], shape: readonly number[], name = 'logits'): Tensor {
  return { name, datatype: 'FP32', shape, elements: Float32Array.from(values) };
}

describe('topTwoMargin', () => {
  it('is the mean over rows of the best score less the second best', () => {
    const rows = fc
      .integer({ min: 2, max: 8 })
      .chain((width) =>
        fc.array(fc.array(score, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 6 }),
      );
    fc.assert(
      fc.property(rows, (answer) => {
        const leads = answer.map((row) => {
          const [best, second] = row.toSorted((a, b) => b - a);
          return best! - second!;
        });
        const mean = leads.reduce((sum, x) => sum + x, 0) / leads.length;
        const shape = [answer.length, answer[0]!.length];
        expect(topTwoMargin([scores(answer.flat(), shape)], AUTO)).toBeCloseTo(mean, 4);
      }),
    );
  });

  it('reads the output that answers are compared by', () => {
    const outputs = [scores([9, 1], [1, 2], 'a'), scores([3, 1], [1, 2], 'b')];
    expect(topTwoMargin(outputs, AUTO)).toBe(8);
    expect(topTwoMargin(outputs, { ...AUTO, output: 'b' })).toBe(2);
    expect(topTwoMargin(outputs, { ...AUTO, output: 'c' })).toBeNull();
  });

  it('reads that one in whatever order a client asks, and nothing where it was not asked for', () => {
    const logits = scores([5, 1], [1, 2]);
    const embedding = scores([0.1, 0.2, 0.3], [1, 3], 'embedding');
    const judged = { ...AUTO, output: comparedBy([logits, embedding], AUTO) };
    expect(topTwoMargin([logits, embedding], judged)).toBe(4);
    expect(topTwoMargin([embedding, logits], judged)).toBe(4);
    expect(topTwoMargin([embedding], judged)).toBeNull();
  });

  it('reads half precision', () => {
    const elements = Uint16Array.of(0x4400, 0x3c00, 0xc000);
    expect(topTwoMargin([{ name: 'y', datatype: 'FP16', shape: [1, 3], elements }], AUTO)).toBe(3);
  });

  it('is NaN where the answer is not finite: neither certain nor uncertain', () => {
    for (const x of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
      expect(topTwoMargin([scores([1, x], [1, 2])], AUTO)).toBeNaN();
  });

  it('is null where there are no classes, or nobody asks for any', () => {
    expect(topTwoMargin([], AUTO)).toBeNull();
    expect(topTwoMargin([scores([1, 2, 3], [3])], AUTO)).toBeNull();
    expect(topTwoMargin([scores([1, 2, 3], [3, 1])], AUTO)).toBeNull();
    expect(topTwoMargin([scores([1, 2, 3, 4], [1, 2, 2])], AUTO)).toBeNull();
    expect(topTwoMargin([scores([], [0, 4])], AUTO)).toBeNull();
    const labels: Tensor = {
      name: 'y',
      datatype: 'INT64',
      shape: [1, 2],
      elements: BigInt64Array.of(1n, 2n),
    };
    expect(topTwoMargin([labels], AUTO)).toBeNull();
    for (const measure of ['relative', 'cosine'] as const)
      expect(topTwoMargin([scores([3, 1], [1, 2])], { ...AUTO, measure })).toBeNull();
  });

  it('looks at so many rows of a long answer that its cost is bounded, and at one row at least', () => {
    const wide = new Float32Array(2 * 70_000);
    wide[5] = 4;
    wide[70_000 + 5] = 2;
    const tensor: Tensor = { name: 'y', datatype: 'FP32', shape: [2, 70_000], elements: wide };
    expect(topTwoMargin([tensor], AUTO)).toBe(4);
  });
});
