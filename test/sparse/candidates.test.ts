import { describe, expect, it } from 'vitest';
import { candidateSets, type Layer, smallerSets, withDenseLayers } from '../../src/sparse/candidates.ts';

const conv = (channels: number): Layer => ({
  kind: 'conv',
  weight: [channels, channels, 3, 3],
  hasZeros: true,
});
const matmul = (size: number, hasZeros = true): Layer => ({ kind: 'matmul', weight: [size, size], hasZeros });

describe('sets of layers to time', () => {
  it('are all of them, the wider ones, and either kind alone, each set once', () => {
    const sets = candidateSets([conv(16), conv(64), matmul(256)]);
    expect(sets[0]).toEqual([0, 1, 2]);
    expect(sets).toContainEqual([1, 2]);
    expect(sets).toContainEqual([0, 1]);
    expect(sets).toContainEqual([1]);
    expect(sets).toContainEqual([2]);
    expect(new Set(sets.map(String)).size).toBe(sets.length);
    expect(sets.every((set) => set.length > 0)).toBe(true);
  });

  it('are none of a model without a layer', () => {
    expect(candidateSets([])).toEqual([]);
  });

  it('leave out layers that read no zeros, which join the best of them', () => {
    const layers = [matmul(64, false), matmul(64), matmul(64, false)];
    expect(candidateSets(layers)).toEqual([[1]]);
    expect(withDenseLayers([1], layers)).toEqual([0, 1, 2]);
    expect(withDenseLayers([0], [matmul(64)])).toBeUndefined();
  });

  it('become smaller by one layer', () => {
    expect(smallerSets([0, 2, 5])).toEqual([
      [2, 5],
      [0, 5],
      [0, 2],
    ]);
    expect(smallerSets([3])).toEqual([]);
  });
});
