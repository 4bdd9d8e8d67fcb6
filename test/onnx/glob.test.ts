import { expect, it } from 'vitest';
import { matchesGlob } from '../../src/onnx/glob.ts';

it.each([
  ['/layer1/relu/Relu', '*', true],
  ['/layer1/relu/Relu', '/layer1/*', true],
  ['/layer1/relu/Relu', '*/Relu', true],
  ['/layer1/relu/Relu', '/layer?/relu/Relu', true],
  ['/layer1/relu/Relu', '/layer1', false],
  ['/layer1/relu/Relu', 'relu', false],
  ['a.b', 'a?b', true],
  ['axb', 'a.b', false],
  ['[x]', '[x]', true],
  ['abcabd', '*ab?', true],
  ['a*b', 'a*c', false],
  ['', '*', true],
  ['', '?', false],
  ['a', '', false],
  ['a', 'a?', false],
])('%j against %j: %j', (name, pattern, expected) => {
  expect(matchesGlob(name, pattern)).toBe(expected);
});

it('answers at once for a pattern that makes a backtracking matcher explode', () => {
  expect(matchesGlob('a'.repeat(4_000), `${'*a'.repeat(40)}b`)).toBe(false);
});
