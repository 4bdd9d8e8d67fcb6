/** One infer request, put in each of the protocol's two forms. */
import { decodeInferResponse } from '../../src/protocol/decode-response.ts';
import type { InferResponse } from '../../src/protocol/types.ts';
import type { Answer, Sent } from '../transport/http/socket-client.ts';
import { binaryRequest, inputText, requestText } from '../transport/http/v2-requests.ts';

export const HEADER_LENGTH = 'inference-header-content-length';

/** A tensor as texts, so that what JSON.stringify cannot write can be sent, and as bytes. */
export interface TensorText {
  readonly name?: string;
  readonly datatype?: string;
  readonly shape?: string;
  /** The JSON form: an array. */
  readonly data: string;
  /** The binary form. */
  readonly bytes: ArrayBufferView;
}

/** Four floats for the model 'rows'. */
export const ROW: TensorText = { data: '[1,2.5,-3,4]', bytes: Float32Array.of(1, 2.5, -3, 4) };

const quote = (word: string | undefined) => (word === undefined ? {} : { word: JSON.stringify(word) });

function texts({ name, datatype, shape }: TensorText) {
  const { word: quotedName } = quote(name);
  const { word: quotedType } = quote(datatype);
  return {
    ...(quotedName === undefined ? {} : { name: quotedName }),
    ...(quotedType === undefined ? {} : { datatype: quotedType }),
    ...(shape === undefined ? {} : { shape }),
  };
}

/** A request as one JSON document. @param rest - further members of the request, as text. */
export function asJson(tensors: readonly TensorText[], rest = ''): Sent {
  return {
    body: requestText(
      tensors.map((tensor) => inputText({ ...texts(tensor), data: tensor.data })),
      rest,
    ),
  };
}

/** The text of an input whose elements follow as binary data. */
export function binaryInput(tensor: TensorText, size: number | string = tensor.bytes.byteLength): string {
  return inputText({ ...texts(tensor), data: '' }).replace(
    /\}$/,
    `,"parameters":{"binary_data_size":${size}}}`,
  );
}

/** A request as a JSON head and binary data, whose answer is asked for in the same form. */
export function asBinary(tensors: readonly TensorText[], rest = ''): Sent {
  const asked = rest.includes('"parameters"')
    ? rest
    : withComma(rest, '"parameters":{"binary_data_output":true}');
  return binaryRequest(
    requestText(
      tensors.map((tensor) => binaryInput(tensor)),
      asked,
    ),
    ...tensors.map(({ bytes }) => bytes),
  );
}

const withComma = (rest: string, more: string) => (rest === '' ? more : `${rest},${more}`);

export const FORMS = { JSON: asJson, binary: asBinary } as const;

/** The response that an answer carries, in whichever form. */
export function responseOf({ headers, body }: Answer): InferResponse {
  const length = headers[HEADER_LENGTH];
  return decodeInferResponse(body, length === undefined ? undefined : Number(length));
}
