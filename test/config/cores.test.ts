import { expect, it } from 'vitest';
import { availableCores, containerLimit } from '../../src/config/cores.ts';
import { parseConfig } from '../../src/config/schema.ts';
import { processesOf } from '../../src/models/open-model.ts';

const files = (found: Readonly<Record<string, readonly (number | undefined)[]>>) => (path: string) =>
  found[path] ?? [];

it.each([
  ['version 2', { '/sys/fs/cgroup/cpu.max': [150_000, 100_000] }, 1.5],
  ['version 2 without a limit', { '/sys/fs/cgroup/cpu.max': [undefined, 100_000] }, undefined],
  [
    'version 1',
    { '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': [400_000], '/sys/fs/cgroup/cpu/cpu.cfs_period_us': [100_000] },
    4,
  ],
  [
    'version 1 without a limit',
    { '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': [-1], '/sys/fs/cgroup/cpu/cpu.cfs_period_us': [100_000] },
    undefined,
  ],
  ['no control group', {}, undefined],
])('a container of control groups, %s', (_, found, limit) => {
  expect(containerLimit(files(found))).toBe(limit);
});

it('a limit below the machine is what there is; of a part of a processor that is one', () => {
  expect(availableCores(1.5, 64)).toBe(2);
  expect(availableCores(0.2, 64)).toBe(1);
  expect(availableCores(128, 64)).toBe(64);
  expect(availableCores(undefined, 64)).toBe(64);
});

it('auto is half as many processes as there are cores, and one at least', () => {
  const config = parseConfig({ server: { processes: 'auto' } });
  expect([1, 2, 3, 4, 16].map((cores) => processesOf(config, cores))).toEqual([1, 1, 1, 2, 8]);
  expect(processesOf(parseConfig({ server: { processes: 3 } }), 16)).toBe(3);
});
