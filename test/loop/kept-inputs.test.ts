import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type KeptInput, KeptInputs } from '../../src/loop/kept-inputs.ts';
import type { Tensor } from '../../src/protocol/types.ts';

const floats = (length: number, value = 0): Tensor => ({
  name: 'x',
  datatype: 'FP32',
  shape: [length],
  elements: new Float32Array(length).fill(value),
});

function all(kept: KeptInputs): KeptInput[] {
  const found: KeptInput[] = [];
  for (let input = kept.from(0); input !== undefined; input = kept.from(input.number + 1)) found.push(input);
  return found;
}

const bytesOf = ({ inputs, dense }: KeptInput) =>
  [...inputs, ...(dense ?? [])].reduce((sum, { elements }) => sum + (elements as Float32Array).byteLength, 0);

describe('kept inputs', () => {
  it('stay within their bytes whatever comes, and count them to the byte; the latest are there, in order', () => {
    const act = fc.oneof(
      fc.record({
        kind: fc.constant('add' as const),
        size: fc.integer({ min: 0, max: 12 }),
        isDense: fc.boolean(),
      }),
      fc.record({
        kind: fc.constant('answer' as const),
        which: fc.nat(40),
        size: fc.integer({ min: 1, max: 12 }),
      }),
      fc.record({ kind: fc.constant('discard' as const), which: fc.nat(40) }),
      fc.record({ kind: fc.constant('clear' as const) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 160 }), fc.array(act, { maxLength: 60 }), (limit, acts) => {
        const kept = new KeptInputs(limit, 5);
        for (const each of acts) {
          const { end } = kept;
          const before = all(kept);
          if (each.kind === 'add') kept.add([floats(each.size)], each.isDense ? [floats(1)] : null);
          else if (each.kind === 'clear') kept.clear();
          else {
            const input = before[each.which % Math.max(1, before.length)];
            if (input === undefined) continue;
            if (each.kind === 'answer') kept.answered(input, [floats(each.size)]);
            else kept.discard(input);
          }
          const after = all(kept);
          expect(kept.bytes).toBe(after.reduce((sum, input) => sum + bytesOf(input), 0));
          expect(kept.bytes).toBeLessThanOrEqual(limit);
          expect(after.map(({ number }) => number)).toEqual(
            after.map(({ number }) => number).sort((a, b) => a - b),
          );
          expect(kept.end).toBeGreaterThanOrEqual(end);
          for (const number of [0, kept.begin + 1, kept.end])
            expect(kept.since(number)).toEqual(after.filter((input) => input.number >= number));
          if (each.kind === 'clear') expect(after).toEqual([]);
        }
      }),
    );
  });

  it('drops the oldest first, and says so', () => {
    const kept = new KeptInputs(100);
    for (let i = 0; i < 10; i++) kept.add([floats(5, i)], null);
    expect(all(kept).map(({ number }) => number)).toEqual([5, 6, 7, 8, 9]);
    expect([kept.begin, kept.end, kept.size, kept.isFull]).toEqual([5, 10, 5, true]);
    expect(kept.from(2)?.number).toBe(5);
    expect(kept.from(10)).toBeUndefined();
  });

  it('refuses what is larger than all there may be', () => {
    const kept = new KeptInputs(16);
    kept.add([floats(5)], null);
    expect([kept.size, kept.bytes, kept.end]).toEqual([0, 0, 0]);
  });

  it('are copies: what the caller does to its memory afterwards changes nothing', () => {
    const kept = new KeptInputs(1000);
    const body = new Float32Array(100).fill(1);
    const part: Tensor = { name: 'x', datatype: 'FP32', shape: [2], elements: body.subarray(0, 2) };
    kept.add([part], [part]);
    body.fill(9);
    const { inputs, dense } = kept.from(0)!;
    for (const { elements } of [...inputs, ...dense!]) {
      expect(Array.from(elements as Float32Array)).toEqual([1, 1]);
      expect((elements as Float32Array).buffer.byteLength).toBe(8);
    }
  });

  it('take a dense answer once, for an input that is still there', () => {
    const kept = new KeptInputs(1000);
    kept.add([floats(1)], null);
    const input = kept.from(0)!;
    kept.answered(input, [floats(1, 7)]);
    kept.answered(input, [floats(1, 8)]);
    expect(Array.from(kept.from(0)!.dense![0]!.elements as Float32Array)).toEqual([7]);
    kept.clear();
    kept.answered(input, [floats(1)]);
    expect([kept.bytes, kept.end]).toEqual([0, 1]);
  });
});
