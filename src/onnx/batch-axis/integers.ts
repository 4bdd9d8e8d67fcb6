import { type NodeProto, type TensorProto, TensorProto_DataLocation, TensorProto_DataType } from 'onnx-buf';
import { floatAttribute, hasAttribute, intAttribute, intsAttribute, tensorAttribute } from '../attributes.ts';

/** Longer ones are no shapes. */
const MOST = 64;

/** The numbers of a small constant of integers, booleans or float32; undefined for any other. */
export function numbersOf(tensor: TensorProto): readonly number[] | undefined {
  const { dims, dataType, dataLocation, rawData, int64Data, int32Data, floatData } = tensor;
  const count = dims.reduce((product, size) => product * Number(size), 1);
  if (dims.length > 1 || count > MOST || dataLocation === TensorProto_DataLocation.EXTERNAL) return undefined;
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength);
  const read = (width: number, at: (offset: number) => number): readonly number[] | undefined =>
    view.byteLength === width * count ? Array.from({ length: count }, (_, i) => at(i * width)) : undefined;
  switch (dataType) {
    case TensorProto_DataType.INT64:
      return int64Data.length === count
        ? int64Data.map(Number)
        : read(8, (at) => Number(view.getBigInt64(at, true)));
    case TensorProto_DataType.BOOL:
      return int32Data.length === count ? int32Data : read(1, (at) => view.getUint8(at));
    case TensorProto_DataType.INT32:
      return int32Data.length === count ? int32Data : read(4, (at) => view.getInt32(at, true));
    case TensorProto_DataType.FLOAT:
      return floatData.length === count ? floatData : read(4, (at) => view.getFloat32(at, true));
    default:
      return undefined;
  }
}

/** The numbers of a Constant node, and whether it is a scalar. */
export function numbersOfConstant(node: NodeProto): readonly number[] | undefined {
  const tensor = tensorAttribute(node, 'value');
  if (tensor !== undefined) return numbersOf(tensor);
  if (hasAttribute(node, 'value_float')) return [floatAttribute(node, 'value_float', 0)];
  const one = intAttribute(node, 'value_int');
  return hasAttribute(node, 'value_int') && one !== undefined ? [one] : intsAttribute(node, 'value_ints');
}
