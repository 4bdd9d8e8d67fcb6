import type { Datatype } from '../protocol/types.ts';

/** Datatypes in the order of Triton's numbers, from 1. */
const NUMBERED: readonly Datatype[] = [
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP16',
  'FP32',
  'FP64',
  'BYTES',
  'BF16',
];

/** Triton's name and number of a datatype, such as `TYPE_FP32` and 11. BYTES is TYPE_STRING. */
export function tritonType(datatype: Datatype): { readonly name: string; readonly number: number } {
  return {
    name: datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`,
    number: NUMBERED.indexOf(datatype) + 1,
  };
}
