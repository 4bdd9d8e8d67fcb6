import fc from 'fast-check';
import { expect, it } from 'vitest';
import { IdleShare } from '../../src/loop/idle-share.ts';

it('pays for no more than its share of the idle time, one run and what is carried over apart', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 0.99, noNaN: true }),
      fc.array(fc.record({ elapsed: fc.nat(100), load: fc.nat(100), run: fc.nat(20) }), { maxLength: 200 }),
      (share, turns) => {
        const idle = new IdleShare(share);
        let [now, busy, idleMs, spent] = [0, 0, 0, 0];
        idle.pays(now, busy, 2);
        for (const { elapsed, load, run } of turns) {
          const busyMs = (2 * elapsed * load) / 100;
          now += elapsed;
          busy += busyMs;
          idleMs += 2 * elapsed - busyMs;
          if (!idle.pays(now, busy, 2)) continue;
          idle.spend(run);
          spent += run;
        }
        expect(spent).toBeLessThanOrEqual(share * idleMs + 20 + 1e-6);
      },
    ),
  );
});

it('pays for nothing where nothing is idle, and always where all of it may be used', () => {
  const idle = new IdleShare(0.5);
  idle.pays(0, 0, 1);
  for (let now = 10; now < 1000; now += 10) expect(idle.pays(now, now, 1)).toBe(false);
  expect(new IdleShare(1).pays(0, 0, 1)).toBe(true);
});

it('does not save up a quiet night for the morning', () => {
  const idle = new IdleShare(0.5);
  idle.pays(0, 0, 1);
  let runs = 0;
  for (; idle.pays(1e6, 0, 1); runs++) idle.spend(1);
  expect(runs).toBe(50);
});
