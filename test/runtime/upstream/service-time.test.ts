import { expect, it } from 'vitest';
import { ServiceTime } from '../../../src/runtime/upstream/service-time.ts';

it('is the shortest of the latest times, and forgets', () => {
  const service = new ServiceTime();
  expect(service.observe(5)).toBe(5);
  expect(service.observe(9)).toBe(5);
  expect(service.observe(3)).toBe(3);
  let latest = 0;
  for (let i = 0; i < 128; i++) latest = service.observe(7);
  expect(latest).toBe(7);
});
