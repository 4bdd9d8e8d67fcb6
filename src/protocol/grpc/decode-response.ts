import { decodeBinary } from '../binary/binary-codec.ts';
import { MAX_RANK, MAX_TENSORS, MAX_VALUES } from '../counts.ts';
import { isDatatype } from '../datatypes.ts';
import { checkedCount, shapeOf } from '../shape.ts';
import type { Tensor } from '../types.ts';
import { isTyped, readContents } from './contents.ts';
import { append, decodeProtobuf, Fields, invalidMessage } from './fields.ts';

interface OutputMessage {
  name: string;
  datatype: string;
  readonly shape: number[];
  readonly contents: Uint8Array[];
}

/**
 * The tensors of a `ModelInferResponse`, as a client reads them. Elements may share memory with the message.
 *
 * @throws ServingError INVALID_REQUEST for what is no such message.
 */
export function decodeInferResponse(message: Uint8Array): readonly Tensor[] {
  const { outputs, raw } = decodeProtobuf(() => {
    const outputs: OutputMessage[] = [];
    const raw: Uint8Array[] = [];
    const fields = new Fields(message);
    while (fields.next()) {
      if (fields.number === 5) append(outputs, readOutput(fields.bytes()), 'outputs', MAX_TENSORS);
      else if (fields.number === 6) append(raw, fields.bytes(), 'raw_output_contents', MAX_TENSORS);
      else fields.skip();
    }
    return { outputs, raw };
  });
  if (raw.length > 0 && raw.length !== outputs.length)
    throw invalidMessage(`${raw.length} 'raw_output_contents' for ${outputs.length} outputs`);
  return outputs.map(({ name, datatype, shape: sizes, contents }, i): Tensor => {
    const label = `output '${name}'`;
    if (!isDatatype(datatype)) throw invalidMessage(`${label}: unknown datatype`);
    const shape = shapeOf(sizes, label);
    const count = checkedCount(label, datatype, shape);
    const bytes = raw[i];
    if (bytes !== undefined)
      return { name, datatype, shape, elements: decodeBinary(label, datatype, count, bytes) };
    if (!isTyped(datatype)) throw invalidMessage(`${label}: ${datatype} has no typed contents`);
    return { name, datatype, shape, elements: readContents(datatype, { label, shape, count, contents }) };
  });
}

function readOutput(message: Uint8Array): OutputMessage {
  const output: OutputMessage = { name: '', datatype: '', shape: [], contents: [] };
  const fields = new Fields(message);
  while (fields.next()) {
    switch (fields.number) {
      case 1:
        output.name = fields.text();
        break;
      case 2:
        output.datatype = fields.text();
        break;
      case 3:
        fields.varints((reader) => {
          append(output.shape, Number(reader.int64()), 'dimensions', MAX_RANK);
        });
        break;
      case 5:
        append(output.contents, fields.bytes(), 'contents', MAX_VALUES);
        break;
      default:
        fields.skip();
    }
  }
  return output;
}
