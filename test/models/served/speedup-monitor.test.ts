import { describe, expect, it } from 'vitest';
import { SpeedupMonitor } from '../../../src/models/served/speedup-monitor.ts';
import type { Tensor } from '../../../src/protocol/types.ts';
import type { ShadowResult, ShadowRun } from '../../../src/runtime/runtime.ts';

const INPUT: Tensor = { name: 'x', datatype: 'FP32', shape: [1], elements: Float32Array.of(1) };
const THRESHOLDS = Float32Array.of(0.5);
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A runtime whose plain runs take 4 ms, and pruned ones 2. */
function timing() {
  const order: string[] = [];
  let isBusy = false;
  const runtime = {
    shadow: ({ thresholds, keepInputs }: ShadowRun): Promise<ShadowResult | 'dropped'> => {
      expect(keepInputs).toBe(true);
      if (isBusy) return Promise.resolve('dropped');
      order.push(thresholds === undefined ? 'plain' : 'pruned');
      const inferMs = thresholds === undefined ? 4 : 2;
      return Promise.resolve({
        outputs: [],
        histograms: [],
        retained: [],
        queueMs: 0,
        measureMs: 0,
        workerMs: 0,
        inferMs,
      });
    },
  };
  const monitor = new SpeedupMonitor({ runtime, outputs: ['y'] });
  const offer = async (times: number, pays = true) => {
    for (let i = 0; i < times; i++) {
      monitor.addSample([INPUT], pays ? THRESHOLDS : undefined);
      await turn();
      await turn();
    }
  };
  return { monitor, order, offer, setBusy: (is: boolean) => (isBusy = is) };
}

describe('the speed monitor', () => {
  it('runs one in eight sampled requests plain, pruned, pruned, plain', async () => {
    const { order, offer } = timing();
    await offer(16);
    expect(order).toEqual(['plain', 'pruned', 'pruned', 'plain', 'plain', 'pruned', 'pruned', 'plain']);
  });

  it('says what is gained once nine requests were timed, by the share that is pruned', async () => {
    const { monitor, offer } = timing();
    await offer(64);
    expect(monitor.speedup(1)).toBeNull();
    await offer(8);
    expect(monitor.speedup(1)).toEqual({ ratio: 2, low: 2, high: 2 });
    expect(monitor.speedup(0.5)?.ratio).toBeCloseTo(4 / 3, 10);
    expect(monitor.speedup(0)).toEqual({ ratio: 1, low: 1, high: 1 });
  });

  it('counts requests that pruning does not pay for as plain', async () => {
    const { monitor, offer } = timing();
    await offer(40);
    // 5 requests of 4 ms, 2 as served; and 10 of 4 ms either way.
    await offer(80, false);
    expect(monitor.speedup(1)?.ratio).toBeCloseTo(60 / 50, 10);
  });

  it('times nothing while there is no idle time, and forgets at a restart', async () => {
    const { monitor, offer, setBusy } = timing();
    setBusy(true);
    await offer(80);
    expect(monitor.speedup(1)).toBeNull();
    setBusy(false);
    await offer(72);
    expect(monitor.speedup(1)).not.toBeNull();
    monitor.restart();
    expect(monitor.speedup(1)).toBeNull();
  });
});
