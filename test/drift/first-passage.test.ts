import { describe, expect, it } from 'vitest';
import { firstPassage } from '../../src/drift/first-passage.ts';
import { xorshift } from '../../src/drift/xorshift.ts';
import { normal } from './traffic.ts';

describe('firstPassage', () => {
  it('is the mean time of a simulated process, at steps so small that it does not jump over the level', () => {
    const random = xorshift(5);
    const step = 0.0005;
    const noise = Math.sqrt(2 * step);
    const level = 1;
    let steps = 0;
    const runs = 400;
    for (let run = 0; run < runs; run++) {
      for (let x = 0; x < level; steps++) x += -x * step + noise * normal(random);
    }
    const overshoot = 0.5826 * noise;
    expect((steps * step) / runs / firstPassage(level + overshoot)).toBeCloseTo(1, 1);
  });

  it('grows from nothing, without end', () => {
    expect(firstPassage(-1)).toBe(0);
    expect(firstPassage(0)).toBe(0);
    for (let level = 0.1; level < 12; level += 0.1) {
      expect(firstPassage(level + 0.1)).toBeGreaterThan(firstPassage(level));
    }
  });
});
