import { expect } from 'vitest';
import type { ConfigInput } from '../../src/config/schema.ts';
import type { TensorElements } from '../../src/protocol/types.ts';
import type { Answer, Sent } from '../transport/http/socket-client.ts';
import type { ConformanceCase, Form } from './case.ts';
import type { Lab, Server } from './lab.ts';
import { FORMS, responseOf, type TensorText } from './requests.ts';

export interface Put {
  /** The model that is asked; 'rows' unless told. */
  readonly model?: string;
  readonly settings?: ConfigInput;
  /** Further members of the request, as text. */
  readonly rest?: string;
}

/** An error as every one is: JSON, with a reason. */
export function expectError({ status, headers, body }: Answer, expected: number, reason: RegExp): void {
  const { error, ...others } = JSON.parse(body.toString());
  expect([status, headers['content-type'], others]).toEqual([expected, 'application/json', {}]);
  expect(error).toMatch(reason);
}

/** A request that is refused with 400 and a reason, after which the server is as it was. */
export async function expectRefusal(server: Server, sent: Sent, reason: RegExp): Promise<void> {
  expectError(await server.send(sent), 400, reason);
  const live = await server.send({ path: '/v2/health/live', method: 'GET' });
  expect([live.status, live.body.toString()]).toEqual([200, '{"live":true}']);
}

/** The same tensors refused for the same reason in both forms. */
export function refused(
  tensors: readonly TensorText[],
  reason: RegExp,
  { model = 'rows', settings = {}, rest = '' }: Put = {},
): ConformanceCase['checks'] {
  const check = (form: keyof typeof FORMS) => async (lab: Lab) =>
    expectRefusal(await lab.server(model, settings), FORMS[form](tensors, rest), reason);
  return { JSON: check('JSON'), binary: check('binary') };
}

/** The outputs by name, of tensors that are answered in both forms. */
export function answered(
  tensors: readonly TensorText[],
  outputs: Readonly<Record<string, TensorElements>>,
  { model = 'rows', settings = {}, rest = '' }: Put = {},
): ConformanceCase['checks'] {
  const check = (form: keyof typeof FORMS) => async (lab: Lab) => {
    const answer = await (await lab.server(model, settings)).send(FORMS[form](tensors, rest));
    expect(outputsOf(answer)).toEqual(outputs);
  };
  return { JSON: check('JSON'), binary: check('binary') };
}

/** Checks one after the other, each in the forms that it has. */
export function inTurn(...all: readonly ConformanceCase['checks'][]): ConformanceCase['checks'] {
  const forms = new Set(all.flatMap((checks) => Object.keys(checks) as Form[]));
  const inForm = (form: Form) => async (lab: Lab) => {
    for (const checks of all) await checks[form]?.(lab);
  };
  return Object.fromEntries([...forms].map((form) => [form, inForm(form)]));
}

/** The elements of each output by name, in the order answered. */
export function outputsOf(answer: Answer): Record<string, TensorElements> {
  expect([answer.status, answer.status === 200 ? '' : answer.body.toString()]).toEqual([200, '']);
  return Object.fromEntries(
    responseOf(answer).outputs.map(({ name, elements }) => [name, withoutBuffers(elements)]),
  );
}

function withoutBuffers(elements: TensorElements): TensorElements {
  return ArrayBuffer.isView(elements) ? elements : elements.map((element) => Uint8Array.from(element));
}
