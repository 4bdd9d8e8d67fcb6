import { expect } from 'vitest';
import type { ConformanceCase } from '../case.ts';
import { expectRefusal, inTurn, refused } from '../expectations.ts';
import { asBinary, asJson, HEADER_LENGTH, ROW, responseOf } from '../requests.ts';

/** Documents that are refused as a JSON body, and as the JSON before binary data. */
function refusedDocuments(documents: readonly (readonly [string, RegExp])[]): ConformanceCase['checks'] {
  return {
    JSON: async (lab) => {
      const server = await lab.server('rows');
      for (const [body, reason] of documents) await expectRefusal(server, { body }, reason);
    },
    binary: async (lab) => {
      const server = await lab.server('rows');
      for (const [head, reason] of documents) {
        if (head === '') continue;
        const headers = { [HEADER_LENGTH]: String(Buffer.byteLength(head)) };
        const body = Buffer.concat([Buffer.from(head), Buffer.alloc(16)]);
        await expectRefusal(server, { body, headers }, reason);
      }
    },
  };
}

function withRest(rest: string, check: (response: ReturnType<typeof responseOf>) => void) {
  const checkOf = (put: typeof asJson): NonNullable<ConformanceCase['checks']['JSON']> => {
    return async (lab) => check(responseOf(await (await lab.server('rows')).send(put([ROW], rest))));
  };
  return { JSON: checkOf(asJson), binary: checkOf(asBinary) };
}

const whole = String(asJson([ROW]).body);

/** Cases 49–55: the JSON document around the tensors. */
export const DOCUMENT_CASES: readonly ConformanceCase[] = [
  {
    number: 49,
    title: 'duplicate JSON keys',
    source: 'D',
    answer: '400 at every level, naming the key: two values for one thing is a mistake.',
    checks: refusedDocuments([
      ['{"id":"1","id":"2","inputs":[]}', /^key 'id' occurs twice in one object$/],
      [whole.replace('"shape"', '"name":"x","shape"'), /^key 'name' occurs twice in one object$/],
      ['{"parameters":{"a":1,"\\u0061":2}}', /^key 'a' occurs twice in one object$/],
    ]),
  },
  {
    number: 50,
    title: 'nesting deeper than 100',
    source: 'T',
    answer: '400, inside `data` and elsewhere.',
    checks: refusedDocuments([
      [`{"inputs":${'['.repeat(100)}${']'.repeat(100)}}`, /nested deeper than 100$/],
      [whole.replace(/"data":.*?\]/, `"data":${'['.repeat(98)}${']'.repeat(98)}`), /nested deeper than 100$/],
      [`${'['.repeat(100_000)}`, /nested deeper than 100$/],
      [`${'{"a":'.repeat(100_000)}`, /nested deeper than 100$/],
    ]),
  },
  {
    number: 51,
    title: 'malformed, empty and array-root JSON',
    source: 'T',
    answer: '400 with the position of the first character that does not fit.',
    checks: refusedDocuments([
      ['', /^malformed JSON at character 0: expected a value, the text ends$/],
      ['{"inputs":[', /^malformed JSON at character 11/],
      ["{'inputs':[]}", /^malformed JSON at character 1: expected a key/],
      ['{"inputs":[],}', /^malformed JSON at character 13: expected a key/],
      [`${whole}}`, /expected the end of the text/],
      [whole.replace('1,2.5', '1,,2.5'), /^malformed JSON at character|expected a number/],
      ['[]', /^request: expected a JSON object$/],
      ['null', /^request: expected a JSON object$/],
    ]),
  },
  {
    number: 52,
    title: 'byte-order mark',
    source: 'D',
    answer: '400: JSON has none.',
    checks: refusedDocuments([[`\ufeff${whole}`, /^malformed JSON: a byte-order mark is not allowed$/]]),
  },
  {
    number: 53,
    title: '`id`',
    source: 'S',
    answer: 'echoed as it was, absent where it was absent; an id that is no string is 400.',
    checks: inTurn(
      withRest('"id":"a\\"é\\u0000"', ({ id }) => expect(id).toBe('a"é\0')),
      withRest('"id":""', ({ id }) => expect(id).toBe('')),
      withRest('', (response) => expect(response).not.toHaveProperty('id')),
      ...['7', 'null', '["a"]'].map((id) =>
        refused([ROW], /^request: 'id' must be a string$/, { rest: `"id":${id}` }),
      ),
    ),
  },
  {
    number: 54,
    title: '`parameters`',
    source: 'S',
    answer:
      'strings, numbers and booleans are taken at every level, unknown ones ignored; anything else is 400. The answer’s parameters tell the threshold that was applied.',
    checks: inTurn(
      withRest('"parameters":{"binary_data_output":true,"mine":"a","n":-1.5,"b":false}', ({ parameters }) =>
        expect({ ...parameters }).toEqual({ threshold: 0 }),
      ),
      ...['{}', '[]', 'null'].map((value) =>
        refused([ROW], /parameter 'a' must be a string, a number or a boolean$/, {
          rest: `"parameters":{"a":${value}}`,
        }),
      ),
      refused([ROW], /'parameters' must be an object$/, { rest: '"parameters":[]' }),
    ),
  },
  {
    number: 55,
    title: 'reserved parameter names',
    source: 'T',
    answer: '400 for `triton_…` and `headers`, and for a name with a meaning whose value has another type.',
    checks: inTurn(
      refused([ROW], /parameter 'triton_x' is reserved/, { rest: '"parameters":{"triton_x":1}' }),
      refused([ROW], /parameter 'headers' is reserved/, { rest: '"parameters":{"headers":"a"}' }),
      refused([ROW], /parameter 'timeout' must be a non-negative integer/, {
        rest: '"parameters":{"timeout":"1"}',
      }),
      refused([ROW], /parameter 'sequence_start' must be a boolean$/, {
        rest: '"parameters":{"sequence_start":1}',
      }),
    ),
  },
];
