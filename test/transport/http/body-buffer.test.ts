import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BodyBuffer } from '../../../src/transport/http/body-buffer.ts';

describe('BodyBuffer', () => {
  it('gives back what was appended, aligned where it was told to be, in memory that holds nothing else', () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 50 }));
    void fc.assert(
      fc.property(
        chunks,
        fc.nat(40),
        fc.option(fc.nat(3000), { nil: undefined }),
        fc.boolean(),
        (parts, alignAt, declared, isFree) => {
          const buffer = new BodyBuffer(declared, 100_000, alignAt);
          for (const part of parts) buffer.append(part, isFree);
          const body = buffer.take();
          expect(Buffer.compare(body, Buffer.concat(parts))).toBe(0);
          const isAdopted = isFree && parts.find((part) => part.length > 0)?.length === declared;
          if (isAdopted || body.length === 0) return;
          expect((body.byteOffset + alignAt) % 8).toBe(0);
          for (const part of parts) expect(body.buffer).not.toBe(part.buffer);
        },
      ),
    );
  });

  it('keeps a body that is one chunk where it is, unless it is a part of something or somebody has it', () => {
    const whole = Uint8Array.of(1, 2, 3);
    const part = new Uint8Array(8).subarray(2, 5);
    const isKept = (chunk: Uint8Array, isFree: boolean) => {
      const buffer = new BodyBuffer(3, 10, 0);
      buffer.append(chunk, isFree);
      return buffer.take().buffer === chunk.buffer;
    };
    expect([isKept(whole, true), isKept(part, true), isKept(whole, false)]).toEqual([true, false, false]);
  });

  it('grows with what arrives, not with what is announced', () => {
    const buffer = new BodyBuffer(2 ** 40, 2 ** 41, 0);
    buffer.append(new Uint8Array(10));
    expect(buffer.take().buffer.byteLength).toBe(1024 * 1024);
  });

  it('holds a body beyond its first memory', () => {
    const buffer = new BodyBuffer(3_000_000, 4_000_000, 5);
    for (let i = 0; i < 3; i++) buffer.append(new Uint8Array(1_000_000).fill(i + 1));
    const body = buffer.take();
    expect([body.byteLength, body[999_999], body[1_000_000], body[2_999_999]]).toEqual([3_000_000, 1, 2, 3]);
  });

  it('refuses one byte beyond the limit', () => {
    const buffer = new BodyBuffer(undefined, 10, 3);
    buffer.append(new Uint8Array(10));
    expect(() => buffer.append(new Uint8Array(1))).toThrow('the body exceeds 10 bytes');
    expect(buffer.take().byteLength).toBe(10);
  });
});
