import { describe, expect, it } from 'vitest';
import { binarySize, decodeBinary, writeBinary } from '../../../src/protocol/binary/binary-codec.ts';
import type { Datatype } from '../../../src/protocol/types.ts';
import { refusal } from '../encoding.ts';

describe('decodeBinary', () => {
  it('shares memory where the offset suits the datatype', () => {
    const bytes = new Uint8Array(24).subarray(8, 16);
    const elements = decodeBinary('input', 'FP32', 2, bytes) as Float32Array;
    bytes.set([0, 0, 0x80, 0x3f], 4);
    expect(Array.from(elements)).toEqual([0, 1]);
    expect(elements.buffer).toBe(bytes.buffer);
  });

  it.each([1, 2, 3, 5, 7])('case 65: reads INT64 at offset %i', (offset) => {
    const bytes = new Uint8Array(32);
    new DataView(bytes.buffer).setBigInt64(offset, -3n, true);
    new DataView(bytes.buffer).setBigInt64(offset + 8, 2n ** 62n, true);
    const elements = decodeBinary('input', 'INT64', 2, bytes.subarray(offset, offset + 16));
    expect(Array.from(elements as BigInt64Array)).toEqual([-3n, 2n ** 62n]);
    expect((elements as BigInt64Array).buffer).not.toBe(bytes.buffer);
  });

  it('case 65: copies out of a Buffer too, whose slice would not', () => {
    const bytes = Buffer.alloc(16).subarray(1, 9);
    bytes.writeDoubleLE(0.5);
    expect(decodeBinary('input', 'FP64', 1, bytes)).toEqual(Float64Array.of(0.5));
  });

  it('reads BYTES as lengths and bytes', () => {
    const bytes = Uint8Array.of(2, 0, 0, 0, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 65);
    const elements = decodeBinary('input', 'BYTES', 3, bytes) as readonly Uint8Array[];
    expect(elements.map((element) => Array.from(element))).toEqual([[0xff, 0], [], [65]]);
  });

  it.each<[string, Datatype, number, number[], string]>([
    ['case 61: short', 'FP32', 2, [0, 0, 0, 0, 0, 0, 0], '7 bytes, 2 elements of FP32 need 8'],
    ['case 62: long', 'INT8', 1, [0, 0], '2 bytes, 1 elements of INT8 need 1'],
    ['case 62: none', 'FP64', 1, [], '0 bytes, 1 elements of FP64 need 8'],
    ['BOOL beyond 1', 'BOOL', 2, [1, 2], 'byte 1 is 2, BOOL is 0 or 1'],
    ['case 66: no room for the prefix', 'BYTES', 1, [1, 0, 0], '3 bytes cannot hold 1 elements of BYTES'],
    [
      'case 66: a truncated second prefix',
      'BYTES',
      2,
      [3, 0, 0, 0, 1, 2, 3, 0, 0],
      'element 1 has a truncated length prefix',
    ],
    ['case 66: a length beyond the end', 'BYTES', 1, [9, 0, 0, 0, 1], 'element 0 claims 9 bytes, 1 remain'],
    [
      'case 66: a length of 2^32 − 1',
      'BYTES',
      1,
      [255, 255, 255, 255],
      'element 0 claims 4294967295 bytes, 0 remain',
    ],
    [
      'case 61: bytes after the last element',
      'BYTES',
      1,
      [0, 0, 0, 0, 7],
      '1 bytes follow the last of 1 elements',
    ],
    [
      'a huge count of BYTES',
      'BYTES',
      2 ** 50,
      [0, 0, 0, 0],
      '4 bytes cannot hold 1125899906842624 elements of BYTES',
    ],
  ])('refuses %s', (_name, datatype, count, bytes, message) => {
    const label = "input 'x'";
    expect(refusal(() => decodeBinary(label, datatype, count, Uint8Array.from(bytes)))).toBe(
      `${label}: ${message}`,
    );
  });
});

describe('writeBinary', () => {
  it('writes little-endian elements at any offset, and as many bytes as announced', () => {
    const tensor = {
      name: 'y',
      datatype: 'UINT16',
      shape: [2],
      elements: Uint16Array.of(1, 0x0203),
    } as const;
    const into = new Uint8Array(7);
    expect(writeBinary(tensor, into, 3)).toBe(7);
    expect(Array.from(into)).toEqual([0, 0, 0, 1, 0, 3, 2]);
    expect(binarySize(tensor)).toBe(4);
  });

  it('writes only the elements of a view into larger memory', () => {
    const elements = Float32Array.of(1, 2, 3).subarray(1, 2);
    const into = new Uint8Array(4);
    writeBinary({ name: 'y', datatype: 'FP32', shape: [1], elements }, into, 0);
    expect(Array.from(into)).toEqual([0, 0, 0, 0x40]);
  });
});
