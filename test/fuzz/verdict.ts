import { binarySize, writeBinary } from '../../src/protocol/binary/binary-codec.ts';
import { decodeInferResponse } from '../../src/protocol/decode-response.ts';
import type { Tensor } from '../../src/protocol/types.ts';
import type { FuzzRequest } from './requests.ts';

export interface FuzzAnswer {
  readonly status: number;
  readonly contentType: string | null;
  readonly headerLength: string | null;
  readonly body: Uint8Array;
}

/** Statuses that a request can deserve. No 5xx is among them: nothing is overloaded here, and nothing may fail. */
const DOCUMENTED = new Set([200, 400, 404, 405, 413, 415]);
const LONGEST_REASON = 500;

/** What is wrong with an answer; undefined when nothing is. */
export function complaint(request: FuzzRequest, answer: FuzzAnswer): string | undefined {
  const { status, body } = answer;
  if (!DOCUMENTED.has(status)) return `status ${status}: ${Buffer.from(body).toString().slice(0, 300)}`;
  if (status !== 200) {
    if (request.inputs !== undefined) return `refused: ${Buffer.from(body).toString().slice(0, 300)}`;
    return request.method === 'HEAD' ? undefined : reasonless(answer);
  }
  if (!request.path.endsWith('/infer')) return undefined;
  const { outputs } = decodeInferResponse(
    body,
    answer.headerLength === null ? undefined : Number(answer.headerLength),
  );
  return request.inputs === undefined ? undefined : difference(request.inputs, outputs);
}

function reasonless({ contentType, body }: FuzzAnswer): string | undefined {
  if (contentType !== 'application/json') return `an error of type ${contentType}`;
  const { error } = JSON.parse(Buffer.from(body).toString());
  if (typeof error !== 'string' || error === '') return 'an error without a reason';
  return error.length > LONGEST_REASON ? `a reason of ${error.length} characters` : undefined;
}

/** The models answer their inputs: anything else was lost on the way there or back. */
function difference(inputs: readonly Tensor[], outputs: readonly Tensor[]): string | undefined {
  if (outputs.length !== inputs.length) return `${outputs.length} outputs for ${inputs.length} inputs`;
  for (const [i, input] of inputs.entries()) {
    const output = outputs[i]!;
    if (output.shape.join() !== input.shape.join() || output.datatype !== input.datatype)
      return `${input.datatype} [${input.shape}] came back as ${output.datatype} [${output.shape}]`;
    if (!bytesOf(input).equals(bytesOf(output))) return `'${input.name}' came back with other elements`;
  }
  return undefined;
}

function bytesOf(tensor: Tensor): Buffer {
  const bytes = Buffer.alloc(binarySize(tensor));
  writeBinary(tensor, bytes, 0);
  return bytes;
}
