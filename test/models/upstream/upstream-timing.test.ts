import { pino } from 'pino';
import { expect, it } from 'vitest';
import { UpstreamTiming } from '../../../src/models/upstream/upstream-timing.ts';
import type { ShadowResult, ShadowRun } from '../../../src/runtime/runtime.ts';

const log = pino({ level: 'silent' });
const inputs = [{ name: 'x', datatype: 'FP32', shape: [3], elements: new Float32Array(3) }] as const;

/** Times sampled requests at a server where pruned runs take `prunedMs`, and plain ones 2. */
async function timed(prunedMs: number, samples: number) {
  const told: [string | undefined, string][] = [];
  const state: { heldBack: string | undefined } = { heldBack: 'unmeasured' };
  const timing = new UpstreamTiming({
    name: 'm',
    runtime: {
      shadow: async ({ thresholds }: ShadowRun) =>
        ({ inferMs: thresholds === undefined ? 2 : prunedMs }) as ShadowResult,
    },
    loop: {
      state: state as never,
      thresholdsAt: (threshold) => Float32Array.of(threshold),
      timed: (heldBack, words) => {
        told.push([heldBack, words]);
        state.heldBack = heldBack;
      },
    },
    outputs: ['y'],
    sites: 1,
    log,
  });
  timing.setTarget(0.5);
  for (let i = 0; i < samples; i++) {
    timing.addSample(inputs, 3);
    await new Promise((resolve) => setImmediate(resolve));
  }
  timing.close();
  return { told, timing };
}

it('lets pruning reach production where it saves time', async () => {
  const { told, timing } = await timed(1, 100);
  expect(told).toEqual([[undefined, 'pruning saves time at the upstream server: 2.00 × (2.00–2.00)']]);
  expect(timing.savesTime()).toBe(true);
  expect(timing.plan).toMatchObject({
    kind: 'measured',
    buckets: [{ rows: 4, pays: true, plainMs: 2, sparseMs: 1 }],
  });
});

it('holds it back where it saves none', async () => {
  const { told, timing } = await timed(2.5, 100);
  expect(told).toEqual([
    ['unprofitable', 'pruning saves no time at the upstream server: 0.80 × (0.80–0.80)'],
  ]);
  expect(timing.savesTime()).toBe(false);
  expect(timing.speedup(1)).toEqual({ ratio: 1, low: 1, high: 1 });
});

it('says nothing before enough was timed', async () => {
  const { told, timing } = await timed(1, 40);
  expect(told).toEqual([]);
  expect(timing.plan).toEqual({ kind: 'unmeasured' });
});
