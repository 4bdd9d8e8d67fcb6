import { describe, expect, it } from 'vitest';
import { BufferedBytes, defaultMaxBufferedBytes } from '../../src/transport/buffered-bytes.ts';

const GB = 1 << 30;

describe('defaultMaxBufferedBytes', () => {
  it.each([
    ['a large machine', 64 * GB, 0, GB],
    ['a small machine', 2 * GB, 0, GB / 2],
    ['a small control group', 64 * GB, GB / 4, GB / 16],
    ['a control group without a limit', 2 * GB, 2 ** 63, GB / 2],
  ])('of %s', (_where, total, constrained, expected) => {
    expect(defaultMaxBufferedBytes(total, constrained)).toBe(expected);
  });
});

describe('BufferedBytes', () => {
  it('holds what is added until it is released, and nothing of what was refused', () => {
    let refusals = 0;
    const buffered = new BufferedBytes(100, () => refusals++);
    const [a, b] = [buffered.open(), buffered.open()];
    a.add(60);
    expect(() => b.add(41)).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
    expect(() => b.add(101)).toThrow(expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE' }));
    b.add(40);
    expect([buffered.bytes, refusals]).toEqual([100, 1]);
    expect(() => buffered.open()).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
    a.release();
    a.release();
    b.remove(40);
    expect(buffered.bytes).toBe(0);
    expect(() => buffered.open(101)).toThrow(expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE' }));
  });

  it('counts what tensors take beyond their body', () => {
    const memory = new BufferedBytes(1000);
    const held = memory.open();
    held.add(10);
    const tensor = { name: 'x', shape: [2] };
    held.addTensors([{ ...tensor, datatype: 'FP64', elements: new Float64Array(2) }]);
    expect(memory.bytes).toBe(16);
    held.addTensors([{ ...tensor, datatype: 'FP32', elements: new Float32Array(2) }]);
    expect(memory.bytes).toBe(16);
    held.addTensors([{ ...tensor, datatype: 'BYTES', elements: [new Uint8Array(1), new Uint8Array(1)] }]);
    expect(memory.bytes).toBe(256);
  });
});
