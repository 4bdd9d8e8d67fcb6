import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MIN_DEPTH, PipelineDepth } from '../../../src/runtime/local/pipeline-depth.ts';

const INFER_MS = 0.2;
const BUSY = { idleMs: 0, waitedMs: 5, inferMs: INFER_MS };

/** Runs per turn of an event loop that comes round every `turnMs`, with more runs than it can hand over. */
function handedOver(turnMs: number, turns: number, inferMs = INFER_MS): number {
  const depth = new PipelineDepth();
  let last = 0;
  for (let turn = 0; turn < turns; turn++) {
    last = depth.runs;
    for (let i = 0; i < last; i++) {
      const idleMs = i === 0 ? Math.max(0, turnMs - last * inferMs) : 0;
      depth.ran({ idleMs, waitedMs: turnMs, inferMs });
    }
  }
  return last;
}

describe('PipelineDepth', () => {
  it('is two as long as the loop comes round in time, or nothing waits', () => {
    expect(handedOver(INFER_MS, 1000)).toBe(MIN_DEPTH);
    const depth = new PipelineDepth();
    for (let i = 0; i < 100; i++) depth.ran({ idleMs: 50, waitedMs: 0, inferMs: INFER_MS });
    expect(depth.runs).toBe(MIN_DEPTH);
  });

  it('keeps a worker busy until a slow loop comes round', () => {
    expect(handedOver(10, 200) * INFER_MS).toBeGreaterThan(0.75 * 10);
    expect(handedOver(3, 200) * INFER_MS).toBeGreaterThan(0.75 * 3);
  });

  it('never holds more than 8 ms of runs, or 128 of them', () => {
    const times = fc.double({ min: 0, max: 1000, noNaN: true });
    const timing = fc.record({ idleMs: times, waitedMs: times, inferMs: times });
    void fc.assert(
      fc.property(fc.array(timing), timing, (timings, last) => {
        const depth = new PipelineDepth();
        for (const each of [...timings, last]) depth.ran(each);
        expect(depth.runs).toBeGreaterThanOrEqual(MIN_DEPTH);
        expect(depth.runs).toBeLessThanOrEqual(128);
        expect((depth.runs - MIN_DEPTH) * last.inferMs).toBeLessThanOrEqual(8);
      }),
    );
  });

  it('never holds more than it is told', () => {
    const depth = new PipelineDepth(5);
    for (let i = 0; i < 8; i++) depth.ran({ idleMs: 10, waitedMs: 10, inferMs: 0.1 });
    expect(depth.runs).toBe(5);
  });

  it('is two again some time after', () => {
    const depth = new PipelineDepth();
    for (let i = 0; i < 8; i++) depth.ran({ idleMs: 10, waitedMs: 10, inferMs: 0.05 });
    expect(depth.runs).toBe(128);
    for (let i = 0; i < 64 * 126; i++) depth.ran(BUSY);
    expect(depth.runs).toBe(MIN_DEPTH);
  });
});
