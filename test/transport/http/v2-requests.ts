/** Requests of the conformance tables, as texts, so that what JSON.stringify cannot write can be sent. */

export interface InputText {
  readonly name?: string;
  readonly datatype?: string;
  readonly shape?: string;
  readonly data?: string;
}

/** One input object; a member that is '' is left out. */
export function inputText({
  name = '"x"',
  datatype = '"FP32"',
  shape = '[1,4]',
  data = '[1,2,3,4]',
}: InputText = {}) {
  const members = Object.entries({ name, datatype, shape, data }).filter(([, value]) => value !== '');
  return `{${members.map(([key, value]) => `"${key}":${value}`).join(',')}}`;
}

/** A request of these inputs; `rest` is spliced in as further members. */
export function requestText(inputs: readonly string[], rest = ''): string {
  return `{"inputs":[${inputs.join(',')}]${rest === '' ? '' : `,${rest}`}}`;
}

/** A JSON header, binary data, and what the header length is. */
export function binaryRequest(header: string, ...parts: readonly ArrayBufferView[]) {
  const head = Buffer.from(header);
  const chunks = parts.map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength));
  return {
    body: Buffer.concat([head, ...chunks]),
    headers: { 'Inference-Header-Content-Length': String(head.byteLength) } as Record<string, string>,
  };
}
