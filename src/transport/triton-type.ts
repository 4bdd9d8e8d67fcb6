import type { Datatype } from '../protocol/types.ts';

/** In the order of their numbers, from 1. */
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

/** A datatype in Triton's configuration of models: `TYPE_FP32`, 11. Strings are TYPE_STRING there. */
export function tritonType(datatype: Datatype): { readonly name: string; readonly number: number } {
  return {
    name: datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`,
    number: NUMBERED.indexOf(datatype) + 1,
  };
}
