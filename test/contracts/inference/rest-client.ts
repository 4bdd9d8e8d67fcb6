import { decodeInferResponse } from '../../../src/protocol/decode-response.ts';
import type { Datatype, TensorElements } from '../../../src/protocol/types.ts';
import {
  type Answered,
  type Asked,
  type AskedTensor,
  type InferenceClient,
  type ModelDescription,
  Refusal,
  type RefusalKind,
} from './client.ts';

const HEADER_LENGTH = 'Inference-Header-Content-Length';

const KINDS: Readonly<Record<number, RefusalKind>> = {
  400: 'invalid',
  404: 'not found',
  500: 'broken',
  503: 'busy',
  504: 'late',
};

/** REST by fetch: tensors as JSON, or as binary data behind it. */
export class RestClient implements InferenceClient {
  readonly #url: string;
  readonly #isBinary: boolean;

  constructor(url: string, isBinary: boolean) {
    this.#url = url;
    this.#isBinary = isBinary;
  }

  carries(datatype: Datatype): boolean {
    return this.#isBinary || (datatype !== 'FP16' && datatype !== 'BF16');
  }

  async isLive(): Promise<boolean> {
    return (await fetch(`${this.#url}/v2/health/live`)).ok;
  }

  async isReady(): Promise<boolean> {
    return (await fetch(`${this.#url}/v2/health/ready`)).ok;
  }

  async isModelReady(model: string, version?: string): Promise<boolean> {
    const response = await fetch(`${this.#url}${pathOf(model, version)}/ready`);
    const content = (await response.json()) as { readonly ready?: boolean; readonly error?: string };
    if (content.ready === undefined) throw refusal(response.status, content.error);
    return content.ready;
  }

  async serverMetadata() {
    return (await fetch(`${this.#url}/v2`)).json() as Promise<{ name: string; version: string }>;
  }

  async modelMetadata(model: string, version?: string): Promise<ModelDescription> {
    const response = await fetch(this.#url + pathOf(model, version));
    const content = (await response.json()) as ModelDescription & { readonly error?: string };
    if (!response.ok) throw refusal(response.status, content.error);
    return content;
  }

  async infer(asked: Asked): Promise<Answered> {
    const { body, headers } = this.#isBinary ? binaryRequest(asked) : jsonRequest(asked);
    const response = await fetch(`${this.#url}${pathOf(asked.model, asked.version)}/infer`, {
      method: 'POST',
      body,
      headers,
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (!response.ok) throw refusal(response.status, JSON.parse(Buffer.from(bytes).toString()).error);
    const length = response.headers.get(HEADER_LENGTH);
    const { id = '', ...answer } = decodeInferResponse(bytes, length === null ? undefined : Number(length));
    return { id, ...answer };
  }

  close(): void {}
}

function pathOf(model: string, version: string | undefined): string {
  const path = `/v2/models/${encodeURIComponent(model)}`;
  return version === undefined ? path : `${path}/versions/${encodeURIComponent(version)}`;
}

function refusal(status: number, error: string | undefined): Refusal {
  return new Refusal(KINDS[status] ?? 'unexpected', error ?? `status ${status}`);
}

function jsonRequest(asked: Asked) {
  const inputs = asked.inputs.map((input) => `{${claims(input)},"data":[${elementsText(input)}]}`);
  return { body: document(asked, inputs, asked.parameters), headers: { 'Content-Type': 'application/json' } };
}

function binaryRequest(asked: Asked) {
  const parts = asked.inputs.map(({ elements }) => bytesOf(elements));
  const inputs = asked.inputs.map(
    (input, i) => `{${claims(input)},"parameters":{"binary_data_size":${parts[i]!.byteLength}}}`,
  );
  const head = Buffer.from(document(asked, inputs, { ...asked.parameters, binary_data_output: true }));
  return { body: Buffer.concat([head, ...parts]), headers: { [HEADER_LENGTH]: String(head.byteLength) } };
}

function claims({ name, datatype, shape }: AskedTensor): string {
  return JSON.stringify({ name, datatype, shape }).slice(1, -1);
}

function document(
  { id, outputs }: Asked,
  inputs: readonly string[],
  parameters: Asked['parameters'],
): string {
  const members = [`"inputs":[${inputs.join(',')}]`];
  if (id !== undefined) members.push(`"id":${JSON.stringify(id)}`);
  if (parameters !== undefined) members.push(`"parameters":{${parametersText(parameters)}}`);
  if (outputs !== undefined) members.push(`"outputs":${JSON.stringify(outputs.map((name) => ({ name })))}`);
  return `{${members.join(',')}}`;
}

function parametersText(parameters: NonNullable<Asked['parameters']>): string {
  return Object.entries(parameters)
    .map(
      ([name, value]) =>
        `${JSON.stringify(name)}:${typeof value === 'bigint' ? value : JSON.stringify(value)}`,
    )
    .join(',');
}

/** Elements as JSON has them: integers in full, floats with the words for what is no number. */
function elementsText({ datatype, elements }: AskedTensor): string {
  if (!ArrayBuffer.isView(elements))
    return elements.map((element) => JSON.stringify(Buffer.from(element).toString())).join(',');
  const texts = Array.from(elements as Float64Array, (element) => {
    if (datatype === 'BOOL') return String(Boolean(element));
    return Object.is(element, -0) ? '-0' : String(element);
  });
  return texts.join(',');
}

/** Elements in the binary form, BYTES each after its length. */
export function bytesOf(elements: TensorElements): Uint8Array {
  if (ArrayBuffer.isView(elements))
    return new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  return Buffer.concat(
    elements.flatMap((element) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(element.byteLength);
      return [length, element];
    }),
  );
}
