import type { NodeProto } from 'onnx-buf';
import { opOf } from '../op.ts';

const REDUCTION = /^Reduce(L1|L2|LogSum|LogSumExp|Max|Mean|Min|Prod|Sum|SumSquare)$/;
const POOLING = /^(Global)?(Average|Max|Lp)Pool$/;

export function isReduction(node: NodeProto): boolean {
  return REDUCTION.test(opOf(node));
}

export function isPooling(node: NodeProto): boolean {
  return POOLING.test(opOf(node));
}
