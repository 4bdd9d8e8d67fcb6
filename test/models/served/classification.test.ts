import { describe, expect, it } from 'vitest';
import { withClasses } from '../../../src/models/served/classes.ts';
import type { Tensor } from '../../../src/protocol/types.ts';

const tensor = (elements: Tensor['elements'], over: Partial<Tensor> = {}): Tensor => ({
  name: 'y',
  datatype: 'FP32',
  shape: [elements.length],
  elements,
  ...over,
});

function texts(output: Tensor, k: number, open = -1, labels: readonly string[] = []) {
  const specs = [{ name: 'y', datatype: output.datatype, shape: [open, ...output.shape.slice(1)] }];
  const asked = [{ name: 'y', parameters: { classification: k } }];
  const { datatype, shape, elements } = withClasses([output], asked, { specs, labels })[0]!;
  expect(datatype).toBe('BYTES');
  return { shape, texts: (elements as readonly Uint8Array[]).map(String) };
}

describe('the best classes', () => {
  it('of every row, highest first, with their labels', () => {
    const output = tensor(Float32Array.of(0.25, 0.5, 0.25, 3, -1, 2), { shape: [2, 3] });
    expect(texts(output, 2, -1, ['cat', '', 'dog'])).toEqual({
      shape: [2, 2],
      texts: ['0.500000:1', '0.250000:0:cat', '3.000000:0:cat', '2.000000:2:dog'],
    });
  });

  it('of the whole tensor, where the model fixes its rows, and at most as many as there are', () => {
    const output = tensor(Float32Array.of(1, 2, 3, 4), { shape: [1, 4] });
    expect(texts(output, 9, 1).shape).toEqual([4]);
    expect(texts(tensor(Float32Array.of(1, 2)), 1)).toEqual({ shape: [1], texts: ['2.000000:1'] });
    expect(texts(tensor(new Float32Array(), { shape: [0, 3] }), 2)).toEqual({ shape: [0, 0], texts: [] });
  });

  it('are the lower index first where scores are equal, and NaN last', () => {
    const nan = Number.NaN;
    expect(texts(tensor(Float32Array.of(nan, 1, -0, 1, nan, 0)), 6).texts).toEqual([
      '1.000000:1',
      '1.000000:3',
      '-0.000000:2',
      '0.000000:5',
      'nan:0',
      'nan:4',
    ]);
    expect(texts(tensor(Float32Array.of(1, 1, 1, 1)), 2).texts).toEqual(['1.000000:0', '1.000000:1']);
  });

  it('have scores as C prints them', () => {
    const wide = tensor(Float64Array.of(Number.POSITIVE_INFINITY, 1e22, 1e-9, Number.NEGATIVE_INFINITY), {
      datatype: 'FP64',
    });
    expect(texts(wide, 4).texts).toEqual([
      'inf:0',
      '10000000000000000000000.000000:1',
      '0.000000:2',
      '-inf:3',
    ]);
    const whole = tensor(BigInt64Array.of(2n ** 62n, 2n ** 62n + 1n), { datatype: 'INT64' });
    expect(texts(whole, 2).texts).toEqual(['4611686018427387905:1', '4611686018427387904:0']);
    expect(texts(tensor(Uint16Array.of(0x3c00, 0xc000), { datatype: 'FP16' }), 1).texts).toEqual([
      '1.000000:0',
    ]);
  });

  it('are refused where they are more strings than a tensor may hold', () => {
    const output = tensor(new Float32Array(300_000), { shape: [3, 100_000] });
    expect(() => texts(output, 100_000)).toThrow(
      "output 'y': 100000 classes of 3 rows are more than 262144 strings",
    );
  });

  it('leave the other outputs alone', () => {
    const [y, z] = [tensor(Float32Array.of(1)), tensor(Float32Array.of(2), { name: 'z' })];
    expect(withClasses([y, z], undefined, { specs: [], labels: [] })).toEqual([y, z]);
    const asked = [
      { name: 'y', parameters: { classification: 1 } },
      { name: 'z', parameters: {} },
    ];
    expect(withClasses([y, z], asked, { specs: [], labels: [] })[1]).toBe(z);
  });
});
