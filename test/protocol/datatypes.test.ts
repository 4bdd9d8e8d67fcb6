import { describe, expect, it } from 'vitest';
import { ServingError } from '../../src/config/errors.ts';
import {
  allocateElements,
  DATATYPES,
  datatypeOf,
  elementBytes,
  isDatatype,
  onnxTypeOf,
  viewElements,
} from '../../src/protocol/datatypes.ts';

describe('datatypes', () => {
  it.each([
    ['float32', 'FP32', 4],
    ['float64', 'FP64', 8],
    ['float16', 'FP16', 2],
    ['bfloat16', 'BF16', 2],
    ['bool', 'BOOL', 1],
    ['int8', 'INT8', 1],
    ['int16', 'INT16', 2],
    ['int32', 'INT32', 4],
    ['int64', 'INT64', 8],
    ['uint8', 'UINT8', 1],
    ['uint16', 'UINT16', 2],
    ['uint32', 'UINT32', 4],
    ['uint64', 'UINT64', 8],
  ] as const)('%s is %s of %i bytes', (onnxType, datatype, bytes) => {
    expect(datatypeOf(onnxType)).toBe(datatype);
    expect(onnxTypeOf(datatype)).toBe(onnxType);
    expect(elementBytes(datatype)).toBe(bytes);
    expect(allocateElements(datatype, 3).byteLength).toBe(3 * bytes);
    const view = viewElements(datatype, new ArrayBuffer(64), 8, 2);
    expect([view.byteOffset, view.length]).toEqual([8, 2]);
  });

  it('maps strings to BYTES and counts fourteen datatypes', () => {
    expect(datatypeOf('string')).toBe('BYTES');
    expect(DATATYPES).toHaveLength(14);
    expect(DATATYPES.map(onnxTypeOf).map(datatypeOf)).toEqual(DATATYPES);
  });

  it('refuses element types without a datatype', () => {
    expect(() => datatypeOf('complex64')).toThrow(ServingError);
    expect(isDatatype('fp32')).toBe(false);
    expect(isDatatype('toString')).toBe(false);
    expect(isDatatype('FP32')).toBe(true);
  });
});
