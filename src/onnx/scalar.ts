import { type NodeProto, type TensorProto, TensorProto_DataLocation, TensorProto_DataType } from 'onnx-buf';
import { floatAttribute, hasAttribute, intAttribute, tensorAttribute } from './attributes.ts';

/** The value of a tensor of one element, or undefined: more elements, kept outside the file, or not a number. */
export function scalarOf(tensor: TensorProto): number | undefined {
  if (tensor.dims.some((size) => size !== 1n)) return undefined;
  if (tensor.dataLocation === TensorProto_DataLocation.EXTERNAL) return undefined;
  return tensor.rawData.byteLength > 0 ? fromRaw(tensor) : fromFields(tensor);
}

/** The value of a Constant node of one element. */
export function scalarOfConstant(node: NodeProto): number | undefined {
  const tensor = tensorAttribute(node, 'value');
  if (tensor !== undefined) return scalarOf(tensor);
  if (hasAttribute(node, 'value_float')) return floatAttribute(node, 'value_float', 0);
  return intAttribute(node, 'value_int');
}

function fromRaw({ rawData, dataType }: TensorProto): number | undefined {
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength);
  const has = (bytes: number): boolean => view.byteLength === bytes;
  switch (dataType) {
    case TensorProto_DataType.FLOAT:
      return has(4) ? view.getFloat32(0, true) : undefined;
    case TensorProto_DataType.DOUBLE:
      return has(8) ? view.getFloat64(0, true) : undefined;
    case TensorProto_DataType.FLOAT16:
      return has(2) ? fromHalfBits(view.getUint16(0, true)) : undefined;
    case TensorProto_DataType.INT32:
      return has(4) ? view.getInt32(0, true) : undefined;
    case TensorProto_DataType.INT64:
      return has(8) ? Number(view.getBigInt64(0, true)) : undefined;
    default:
      return undefined;
  }
}

function fromFields(tensor: TensorProto): number | undefined {
  switch (tensor.dataType) {
    case TensorProto_DataType.FLOAT:
      return tensor.floatData[0];
    case TensorProto_DataType.DOUBLE:
      return tensor.doubleData[0];
    case TensorProto_DataType.FLOAT16:
      return tensor.int32Data[0] === undefined ? undefined : fromHalfBits(tensor.int32Data[0]);
    case TensorProto_DataType.INT32:
      return tensor.int32Data[0];
    case TensorProto_DataType.INT64:
      return tensor.int64Data[0] === undefined ? undefined : Number(tensor.int64Data[0]);
    default:
      return undefined;
  }
}

/** The number that 16 bits of IEEE 754 binary16 stand for. */
function fromHalfBits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}
