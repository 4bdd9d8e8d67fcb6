import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { xorshift } from '../../../src/drift/xorshift.ts';
import { compareJudged } from '../../../src/loop/comparison/agreement.ts';
import { Judge } from '../../../src/loop/comparison/judge.ts';
import { decideObjective, type ObjectiveOptions } from '../../../src/loop/comparison/objective.ts';
import { Pilot } from '../../../src/loop/comparison/pilot.ts';
import {
  constantLoss,
  leastTellingLoss,
  replacedLoss,
  spreadOf,
} from '../../../src/loop/comparison/vacuity.ts';
import type { Tensor } from '../../../src/protocol/types.ts';

const OPTIONS: ObjectiveOptions = {
  measure: 'auto',
  tolerance: 0.1,
  cosineTolerance: 0.01,
  allowedLoss: 0.01,
  softmaxOutputs: [],
};

function floats(name: string, shape: readonly number[], values: ArrayLike<number>): Tensor {
  return { name, datatype: 'FP32', shape, elements: Float32Array.from(values) };
}

/** So many answers of one output, from a generator of numbers in [0, 1). */
function pilotOf(
  shape: readonly number[],
  of: (random: () => number) => readonly number[],
  inputs: readonly Tensor[] = [],
): Pilot {
  const pilot = new Pilot();
  const random = xorshift(11);
  for (let i = 0; i < 60; i++) pilot.add([floats('y', shape, of(random))], inputs);
  return pilot;
}

const several = (count: number, of: () => number) => Array.from({ length: count }, of);

describe('decideObjective', () => {
  it.each<[string, string, string, readonly number[], (random: () => number) => readonly number[]]>([
    ['class scores', 'class scores', 'margin', [1, 6], (r) => several(6, () => 20 * (r() - 0.5))],
    [
      'probabilities',
      'class probabilities',
      'margin',
      [1, 3],
      (r) => {
        const at = Math.floor(3 * r());
        return [0, 1, 2].map((c) => (c === at ? 0.9 : 0.05));
      },
    ],
    ['scores too flat to tell', 'class scores', 'spread', [1, 6], (r) => several(6, () => 0.1 * (r() - 0.5))],
    ['several sigmoids', 'labels of their own', 'spread', [1, 6], (r) => several(6, r)],
    ['boxes far from the origin', 'values', 'spread', [1, 4], (r) => several(4, () => 1000 + r())],
    ['a number', 'values', 'spread', [1, 1], (r) => [r()]],
    ['boxes by the hundred', 'values', 'spread', [1, 9, 4], (r) => several(36, () => 640 * r())],
    ['logits of tokens', 'class scores', 'margin', [1, 5, 7], (r) => several(35, () => 20 * (r() - 0.5))],
  ])('%s are %s, judged by %s', (_, kind, measure, shape, of) => {
    const { outputs, vacuous } = decideObjective(pilotOf(shape, of), OPTIONS);
    expect(outputs).toMatchObject([{ kind, measure, isPerPosition: shape.length === 3 }]);
    expect(vacuous).toBe(false);
  });

  it('takes no measure that the operator did not choose', () => {
    const boxes = pilotOf([1, 4], (r) => several(4, () => 1000 + r()));
    const objective = decideObjective(boxes, { ...OPTIONS, measure: 'relative' });
    expect(objective).toMatchObject({ vacuous: true, outputs: [{ measure: 'relative', replaced: 0 }] });
  });

  it('says so where no answer depends on the request', () => {
    const objective = decideObjective(
      pilotOf([1, 3], () => [1, 2, 3]),
      OPTIONS,
    );
    expect(objective).toMatchObject({ vacuous: true, reason: 'no answer depends on the request' });
  });

  it('compares integers for equality, and leaves a constant output out of the question', () => {
    const pilot = new Pilot();
    for (let i = 0; i < 40; i++)
      pilot.add(
        [
          { name: 'label', datatype: 'INT64', shape: [1], elements: BigInt64Array.of(BigInt(i % 5)) },
          floats(
            'anchors',
            [3, 4],
            several(12, () => 1),
          ),
        ],
        [],
      );
    expect(decideObjective(pilot, OPTIONS)).toMatchObject({
      vacuous: false,
      outputs: [
        { name: 'label', kind: 'integers', measure: 'exact' },
        { name: 'anchors', kind: 'constant', measure: 'exact' },
      ],
    });
  });

  it('keeps no more of long answers than it says', () => {
    const pilot = new Pilot();
    for (let i = 0; i < 3; i++)
      pilot.add(
        [
          floats(
            'y',
            [1, 3, 300, 300],
            several(270_000, () => i),
          ),
        ],
        [],
      );
    const elements = pilot.outputs[0]!.rows.reduce((sum, { length }) => sum + length, 0);
    expect(elements).toBeLessThanOrEqual(3 * 16_384);
  });
});

describe('what nonsense loses', () => {
  const rows = fc.array(
    fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: 3, maxLength: 3 }),
    {
      minLength: 4,
      maxLength: 20,
    },
  );

  it('is between 0 and 1, and a constant class is the best of all classes', () => {
    fc.assert(
      fc.property(rows, (values) => {
        const v = values.map((row) => Float64Array.from(row));
        for (const measure of ['margin', 'top1', 'relative', 'cosine', 'spread'] as const) {
          const options = { ...OPTIONS, measure, spread: spreadOf(v) };
          for (const loss of [replacedLoss(v, options), constantLoss(v, options)]) {
            expect(loss).toBeGreaterThanOrEqual(-1e-12);
            expect(loss).toBeLessThanOrEqual(1 + 1e-12);
          }
        }
        const top1 = { ...OPTIONS, measure: 'top1' as const, spread: null };
        const best = Math.max(
          ...[0, 1, 2].map((c) => v.filter((row) => row.indexOf(Math.max(...row)) === c).length),
        );
        expect(constantLoss(v, top1)).toBeCloseTo(1 - best / v.length, 9);
      }),
    );
  });

  it('must be ten times what is allowed, as far as there is room', () => {
    expect(leastTellingLoss(0.01)).toBeCloseTo(0.1);
    expect(leastTellingLoss(0.1)).toBeCloseTo(0.325);
  });
});

describe('compareJudged', () => {
  const judged = (name: string, measure: 'margin' | 'exact', isPerPosition = false) =>
    ({ name, kind: 'values', measure, isPerPosition, spread: null, replaced: null, constant: null }) as const;

  it('lets the output that loses most count', () => {
    const dense = [floats('a', [2, 2], [9, 0, 9, 0]), floats('b', [2, 1], [1, 2])];
    const pruned = [floats('a', [2, 2], [8, 0, 7, 0]), floats('b', [2, 1], [1, 3])];
    const outputs = [judged('a', 'margin'), judged('b', 'exact')];
    expect(compareJudged(dense, pruned, outputs, OPTIONS)).toMatchObject({ rows: 2, agreed: 1, loss: 0.5 });
    expect(compareJudged(dense, pruned, outputs.slice(0, 1), OPTIONS)).toMatchObject({ loss: 0 });
  });

  it('leaves out positions that are padding', () => {
    const mask: Tensor = {
      name: 'attention_mask',
      datatype: 'INT64',
      shape: [1, 3],
      elements: BigInt64Array.of(1n, 1n, 0n),
    };
    const dense = [floats('y', [1, 3, 2], [9, 0, 9, 0, 9, 0])];
    const pruned = [floats('y', [1, 3, 2], [9, 0, 0, 9, 0, 9])];
    const outputs = [judged('y', 'margin', true)];
    expect(compareJudged(dense, pruned, outputs, OPTIONS, [mask])).toMatchObject({ rows: 2, agreed: 1 });
    expect(compareJudged(dense, pruned, outputs, OPTIONS)).toMatchObject({ rows: 3, agreed: 1 });
  });
});

describe('Judge', () => {
  const open = (allowVacuous = false) =>
    new Judge({
      agreement: { ...OPTIONS, allowVacuous },
      allowedLoss: 0.01,
      softmaxOutputs: [],
      warmSamples: 20,
      objective: null,
    });
  const feed = (judge: Judge, count: number, of: (i: number) => number, pruned = (i: number) => -of(i)) => {
    for (let i = 0; i < count; i++)
      judge.add({
        inputs: [],
        dense: [floats('y', [1, 2], [of(i), 0])],
        pruned: judge.isProbing ? [floats('y', [1, 2], [pruned(i), 0])] : null,
      });
  };
  const alternating = (i: number) => (i % 2 === 0 ? 5 : -5);

  it('lets nothing be tried before the pilot is complete, and again while the traffic is another', () => {
    const judge = open();
    feed(judge, 19, alternating);
    expect(judge.unjudged).toEqual({ kind: 'pilot' });
    feed(judge, 1, alternating);
    expect([judge.unjudged, judge.objective?.outputs[0]?.measure]).toEqual([null, 'margin']);
    judge.restart();
    expect(judge.unjudged).toEqual({ kind: 'pilot' });
  });

  it('asks anew where the first requests were all alike', () => {
    const judge = open();
    feed(judge, 20, () => 5);
    expect(judge.unjudged).toMatchObject({ kind: 'vacuous' });
    feed(judge, 20, alternating);
    expect(judge.unjudged).toBeNull();
  });

  it('refuses what nothing could refute, unless the operator insists', () => {
    const [judge, insisting] = [open(), open(true)];
    for (const each of [judge, insisting]) feed(each, 20, alternating, alternating);
    expect(judge.unjudged).toMatchObject({
      detail: expect.stringContaining('no candidate could be refuted'),
    });
    expect([insisting.unjudged, insisting.objective?.vacuous]).toEqual([null, true]);
  });
});
