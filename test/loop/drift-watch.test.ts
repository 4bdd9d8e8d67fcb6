import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { driftReference, readDrift } from '../../src/drift/detector.ts';
import { xorshift } from '../../src/drift/xorshift.ts';
import { DriftWatch } from '../../src/loop/drift-watch.ts';
import { requestsOf, TRAFFIC } from '../drift/traffic.ts';

const OPTIONS = { runLength: 10_000, memory: 64 };
const FIVE = TRAFFIC['five sites, ten classes']!;
const WINDOW = requestsOf(FIVE, 240, xorshift(1));
const NEXT = requestsOf(FIVE, 16, xorshift(2));
const REFERENCE = driftReference(WINDOW, OPTIONS);

async function made(watch: DriftWatch): Promise<void> {
  while (watch.reference === null) await turn();
}

describe('DriftWatch', () => {
  it('makes in the background what driftReference makes at once', async () => {
    const watch = new DriftWatch(OPTIONS, null);
    expect(watch.isOn).toBe(false);
    watch.start(WINDOW);
    expect([watch.isOn, watch.reference]).toEqual([true, null]);
    await made(watch);
    expect(watch.reference).toEqual(REFERENCE);
  });

  it('has it when it is asked to read, made or not', async () => {
    const hurried = new DriftWatch(OPTIONS, null);
    hurried.start(WINDOW);
    const patient = new DriftWatch(OPTIONS, null);
    patient.start(WINDOW);
    await made(patient);
    const expected = readDrift(REFERENCE, NEXT, null);
    expect(hurried.read(NEXT, null)).toEqual(expected);
    expect(patient.read(NEXT, null)).toEqual(expected);
  });

  it('goes on from a reference that was kept', () => {
    expect(new DriftWatch(OPTIONS, REFERENCE).read(NEXT, null)).toEqual(readDrift(REFERENCE, NEXT, null));
  });

  it('reads nothing without one, before it starts and after it has stopped', async () => {
    const watch = new DriftWatch(OPTIONS, null);
    expect(watch.read(NEXT, null)).toBe(null);
    watch.start(WINDOW);
    watch.stop();
    for (let i = 0; i < 50; i++) await turn();
    expect([watch.isOn, watch.reference, watch.read(NEXT, null)]).toEqual([false, null, null]);
  });

  it('takes the newest of several starts', () => {
    const watch = new DriftWatch(OPTIONS, REFERENCE);
    watch.start(NEXT);
    watch.start(WINDOW);
    watch.close();
    expect(watch.reference).toEqual(REFERENCE);
  });

  it('can be kept as soon as it is closed', () => {
    const watch = new DriftWatch(OPTIONS, null);
    watch.start(WINDOW);
    watch.close();
    expect(watch.reference).toEqual(REFERENCE);
  });

  it('fails where it is read, not between: a request of another model cannot be compared', async () => {
    const watch = new DriftWatch(OPTIONS, null);
    watch.start([...WINDOW, null as never]);
    for (let i = 0; i < 50; i++) await turn();
    expect(() => watch.read(NEXT, null)).toThrow(TypeError);
    watch.start([null as never]);
    expect(() => watch.close()).not.toThrow();
  });
});
