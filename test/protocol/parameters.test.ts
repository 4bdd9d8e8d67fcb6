import { expect, it } from 'vitest';
import { sequenceOf } from '../../src/protocol/parameters.ts';
import type { Parameter } from '../../src/protocol/types.ts';

it.each<[Parameter | undefined, string | undefined]>([
  [undefined, undefined],
  ['', undefined],
  [0, undefined],
  [0n, undefined],
  ['0', undefined],
  [7, '7'],
  ['7', '7'],
  [2n ** 64n - 1n, '18446744073709551615'],
  ['camera 1', 'camera 1'],
])('a sequence_id of %s names the stream %s', (id, name) => {
  expect(sequenceOf(id === undefined ? {} : { sequence_id: id })).toBe(name);
});
