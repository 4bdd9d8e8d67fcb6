import { it } from 'vitest';
import { expectExactAfter } from './rotations.ts';

it('has not drifted at all after a million rotations', () => {
  expectExactAfter(1_000_000);
});
