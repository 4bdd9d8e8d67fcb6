import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JudgedOutput } from '../../../src/control/guard/objective.ts';
import { topTwoMargin } from '../../../src/loop/comparison/top-two-margin.ts';
import type { Tensor } from '../../../src/protocol/types.ts';

const judgedBy = (measure: JudgedOutput['measure'], name = 'logits') => ({
  outputs: [
    {
      name,
      kind: 'class scores',
      measure,
      isPerPosition: false,
      spread: null,
      replaced: null,
      constant: null,
    } satisfies JudgedOutput,
  ],
});
const MARGIN = judgedBy('margin');
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
        expect(topTwoMargin([scores(answer.flat(), shape)], MARGIN)).toBeCloseTo(mean, 4);
      }),
    );
  });

  it('reads the output that answers are compared by', () => {
    const outputs = [scores([9, 1], [1, 2], 'a'), scores([3, 1], [1, 2], 'b')];
    expect(topTwoMargin(outputs, judgedBy('margin', 'a'))).toBe(8);
    expect(topTwoMargin(outputs, judgedBy('top1', 'b'))).toBe(2);
    expect(topTwoMargin(outputs, judgedBy('margin', 'c'))).toBeNull();
  });

  it('reads that one in whatever order a client asks, and nothing where it was not asked for', () => {
    const logits = scores([5, 1], [1, 2]);
    const embedding = scores([0.1, 0.2, 0.3], [1, 3], 'embedding');
    expect(topTwoMargin([logits, embedding], MARGIN)).toBe(4);
    expect(topTwoMargin([embedding, logits], MARGIN)).toBe(4);
    expect(topTwoMargin([embedding], MARGIN)).toBeNull();
  });

  it('reads half precision', () => {
    const elements = Uint16Array.of(0x4400, 0x3c00, 0xc000);
    expect(topTwoMargin([{ name: 'logits', datatype: 'FP16', shape: [1, 3], elements }], MARGIN)).toBe(3);
  });

  it('is NaN where the answer is not finite: neither certain nor uncertain', () => {
    for (const x of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
      expect(topTwoMargin([scores([1, x], [1, 2])], MARGIN)).toBeNaN();
  });

  it('is null where there are no classes, or nobody asks for any', () => {
    expect(topTwoMargin([], MARGIN)).toBeNull();
    expect(topTwoMargin([scores([1, 2, 3], [3])], MARGIN)).toBeNull();
    expect(topTwoMargin([scores([1, 2, 3], [3, 1])], MARGIN)).toBeNull();
    expect(topTwoMargin([scores([1, 2, 3, 4], [1, 2, 2])], MARGIN)).toBeNull();
    expect(topTwoMargin([scores([], [0, 4])], MARGIN)).toBeNull();
    const labels: Tensor = {
      name: 'logits',
      datatype: 'INT64',
      shape: [1, 2],
      elements: BigInt64Array.of(1n, 2n),
    };
    expect(topTwoMargin([labels], MARGIN)).toBeNull();
    for (const measure of ['relative', 'cosine', 'spread'] as const)
      expect(topTwoMargin([scores([3, 1], [1, 2])], judgedBy(measure))).toBeNull();
    expect(topTwoMargin([scores([3, 1], [1, 2])], null)).toBeNull();
  });

  it('looks at so many rows of a long answer that its cost is bounded, and at one row at least', () => {
    const wide = new Float32Array(2 * 70_000);
    wide[5] = 4;
    wide[70_000 + 5] = 2;
    const tensor: Tensor = { name: 'logits', datatype: 'FP32', shape: [2, 70_000], elements: wide };
    expect(topTwoMargin([tensor], MARGIN)).toBe(4);
  });
});
