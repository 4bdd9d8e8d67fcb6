/** Decodes and encodes large JSON beside the thread that serves. */
import { parentPort } from 'node:worker_threads';
import { messageOf, ServingError } from '../../config/errors.ts';
import { decodeInferRequest } from '../decode-request.ts';
import { encodeInferResponse } from '../encode-response.ts';
import type { CodecAnswer, CodecJob } from './messages.ts';
import { memoryOf, movable, packed, unpacked } from './packed-tensors.ts';

interface Done {
  readonly answer: CodecAnswer;
  readonly moves: readonly ArrayBufferLike[];
}

const port = parentPort!;

port.on('message', async (job: CodecJob) => {
  try {
    const { answer, moves } = await work(job);
    port.postMessage(answer, [...new Set(moves)] as ArrayBuffer[]);
  } catch (error) {
    port.postMessage(failed(error));
  }
});

async function work(job: CodecJob): Promise<Done> {
  if (job.kind === 'decode') {
    const { body, headerLength, model, limits } = job;
    const { inputs, ...rest } = decodeInferRequest(body, headerLength, model, limits);
    const request = { ...rest, inputs: await Promise.all(inputs.map((input) => packed(input))) };
    const moves = [body.buffer, ...request.inputs.flatMap(memoryOf)];
    return { answer: { kind: 'decoded', request, body }, moves };
  }
  const { response, request, nonFinite } = job;
  const outputs = await Promise.all(response.outputs.map((output) => unpacked(output)));
  const encoded = encodeInferResponse({ ...response, outputs }, request, nonFinite);
  const body = movable(encoded.body);
  return { answer: { kind: 'encoded', body, headerLength: encoded.headerLength }, moves: [body.buffer] };
}

function failed(error: unknown): CodecAnswer {
  const code = error instanceof ServingError ? error.code : undefined;
  return { kind: 'failed', code, message: messageOf(error) };
}
