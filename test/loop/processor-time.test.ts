import { expect, it } from 'vitest';
import { Processors } from '../../src/loop/processor-time.ts';

function readings(...counters: ((at: number) => { idleMs: number; processors: number } | undefined)[]) {
  let at = 0;
  const processors = new Processors(
    counters.map((counter) => () => counter(at)),
    () => at,
  );
  return (now: number) => {
    at = now;
    return processors.read();
  };
}

it('counts the idle time of all processors from the first reading on', () => {
  const read = readings((at) => ({ idleMs: 70_000 + 1.5 * at, processors: 2 }));
  expect(read(0)).toEqual({ atMs: 0, idleMs: 0, processors: 2 });
  expect(read(1000)).toEqual({ atMs: 1000, idleMs: 1500, processors: 2 });
});

it('takes the least of machine and container at every reading', () => {
  const machine = (at: number) => ({ idleMs: at < 1000 ? 0 : 8 * (at - 1000), processors: 8 });
  const container = (at: number) => ({ idleMs: -5000 + Math.min(at, 1000), processors: 1 });
  const read = readings(machine, container);
  read(0);
  expect(read(1000)).toEqual({ atMs: 1000, idleMs: 0, processors: 1 });
  expect(read(2000)).toEqual({ atMs: 2000, idleMs: 0, processors: 1 });
});

it('never goes back, though a limit was exceeded', () => {
  const read = readings((at) => ({ idleMs: at === 200 ? -80 : 0, processors: 1 }));
  expect([0, 100, 200, 300].map((at) => read(at)?.idleMs)).toEqual([0, 0, 0, 80]);
});

it('is read no more often than the counters advance', () => {
  let reads = 0;
  const read = readings((at) => ({ idleMs: at + reads++, processors: 1 }));
  for (let at = 0; at < 1000; at++) read(at);
  expect(reads).toBe(20);
});

it('is not known where nothing tells', () => {
  const read = readings(() => undefined);
  expect([read(0), read(100)]).toEqual([undefined, undefined]);
});

it('is no more than the processors of this machine have had', async () => {
  const processors = new Processors();
  const first = processors.read();
  await new Promise((resolve) => setTimeout(resolve, 200));
  const second = processors.read();
  if (first === undefined || second === undefined) return;
  expect(second.idleMs).toBeGreaterThanOrEqual(0);
  // Counters advance by 10 ms each.
  expect(second.idleMs).toBeLessThanOrEqual(second.processors * (second.atMs - first.atMs + 20));
});
