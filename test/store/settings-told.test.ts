import { expect, it } from 'vitest';
import { parseConfig } from '../../src/config/schema.ts';
import { settingsDifference, settingsTold } from '../../src/store/settings-told.ts';

it('tells what is not a default, and names what differs', () => {
  expect(settingsTold(parseConfig({}))).toEqual({});
  const own = settingsTold(parseConfig({ agreement: { floor: 0.9 }, window: { slices: 12 } }));
  expect(own).toEqual({ 'agreement.floor': 0.9, 'window.slices': 12 });
  // It reaches the others as JSON.
  const theirs = JSON.parse(
    JSON.stringify(settingsTold(parseConfig({ window: { slices: 12 }, sites: { include: ['conv*'] } }))),
  );
  expect(settingsDifference(theirs, own)).toBe(
    'agreement.floor 0.99, here 0.9; sites.include ["conv*"], here unset',
  );
  expect(settingsDifference(own, own)).toBe('');
});

it('tells nothing of the mode, which is a choice, nor of what no decision depends on', () => {
  const config = parseConfig({
    control: { mode: 'fixed', threshold: 1, token: 'secret-for-control' },
    server: { port: 1, token: 'secret-for-data' },
    sampling: { ratio: 1 },
  });
  expect(settingsTold(config)).toEqual({});
});

it('names five at most, and takes what somebody wrote to the store as it is', () => {
  const many = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`x.${i}`, i]));
  expect(settingsDifference(many, {})).toMatch(/; 3 more$/);
  expect(settingsDifference({ 'window.slices': { a: [null] } }, {})).toMatch(
    /^window.slices \{"a":\[null\]\}, here \d+$/,
  );
});
