import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** A container's limit in processors, by the files of control groups, of either version; undefined: there is none. */
export function containerLimit(
  read: (path: string) => readonly (number | undefined)[] = numbersIn,
): number | undefined {
  const [quota, period] = read('/sys/fs/cgroup/cpu.max');
  if (quota !== undefined && period !== undefined) return limitOf(quota, period);
  const [limit] = read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us');
  const [per] = read('/sys/fs/cgroup/cpu/cpu.cfs_period_us');
  return limit === undefined || per === undefined ? undefined : limitOf(limit, per);
}

/** Processors that this process may keep busy: those of the machine, or what its container is given; a part of one counts. */
export function availableCores(limit = containerLimit(), machine = availableParallelism()): number {
  return Math.max(1, Math.min(machine, limit === undefined ? machine : Math.ceil(limit)));
}

/** The words of a file's first line as numbers, where they are; none if there is no such file. */
export function numbersIn(path: string): (number | undefined)[] {
  try {
    const [line = ''] = readFileSync(path, 'latin1').split('\n', 1);
    return line.split(/\s+/).map((word) => (/^-?[\d.]+$/.test(word) ? Number(word) : undefined));
  } catch {
    return [];
  }
}

/** Without a limit the quota is "max", or −1. */
function limitOf(quota: number, period: number): number | undefined {
  return quota > 0 && period > 0 ? quota / period : undefined;
}
