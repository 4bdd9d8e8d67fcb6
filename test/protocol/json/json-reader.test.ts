import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ServingError } from '../../../src/config/errors.ts';
import { JsonSpan, type JsonValue, MAX_DEPTH, readJson } from '../../../src/protocol/json/json-reader.ts';
import { bytesOf, refusal } from '../encoding.ts';

/** What `JSON.parse` would give, spans included. */
function plain(value: JsonValue, text: string): unknown {
  if (value instanceof Map) {
    const entries = [...value].map(([key, member]: [string, JsonValue]) => [key, plain(member, text)]);
    return Object.fromEntries(entries);
  }
  if (value instanceof JsonSpan) return JSON.parse(text.slice(value.start, value.end));
  if (Array.isArray(value)) return value.map((item: JsonValue) => plain(item, text));
  return value;
}

function read(text: string, tensorsKey?: string): unknown {
  const document = readJson(bytesOf(text), tensorsKey);
  return plain(document.root, document.text);
}

function parsed(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** As float64 has it. */
function rounded(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(rounded);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, rounded(member)]));
  return typeof value === 'bigint' ? Number(value) : value;
}

describe('readJson', () => {
  it('agrees with JSON.parse on generated documents', () => {
    const document = fc.json({ noUnicodeString: false, maxDepth: 6 });
    void fc.assert(
      fc.property(document, fc.constantFrom(undefined, 1), (text, indent) => {
        const formatted = JSON.stringify(JSON.parse(text), null, indent);
        if (/[^.\deE]\d{16,}(?![.\deE])/.test(` ${formatted}`)) return;
        expect(read(formatted)).toEqual(JSON.parse(formatted));
      }),
      { numRuns: 500 },
    );
  });

  it('keeps data arrays of tensors as spans, and only those', () => {
    const text = '{"data":[1],"inputs":[{"data": [[1,"]"],[2]] ,"p":{"data":[3]}}],"outputs":[{"data":[4]}]}';
    const { root } = readJson(bytesOf(text), 'inputs');
    const spans: string[] = [];
    JSON.stringify(root, (_key, value) => {
      if (value instanceof JsonSpan) spans.push(text.slice(value.start, value.end));
      return value instanceof Map ? [...value.values()] : value;
    });
    expect(spans).toEqual(['[[1,"]"],[2]]']);
    expect(read(text, 'inputs')).toEqual(JSON.parse(text));
  });

  it('accepts and refuses as JSON.parse does, but for what it documents to refuse', () => {
    const alphabet = fc.constantFrom(
      ...'{}[]":,.-+eE019 \\\n\tntrufalsxINy"'.split(''),
      'true',
      'null',
      '"a"',
      '1e5',
    );
    const junk = fc.array(alphabet, { maxLength: 24 }).map((parts) => parts.join(''));
    void fc.assert(
      fc.property(junk, (text) => {
        const expected = parsed(text);
        let actual: { value: unknown } | undefined;
        try {
          actual = { value: read(text) };
        } catch (error) {
          expect(error).toBeInstanceOf(ServingError);
          if (/occurs twice|out of range/.test((error as Error).message)) return;
        }
        expect(actual && { value: rounded(actual.value) }).toEqual(expected);
      }),
      { numRuns: 3000 },
    );
  });

  it('reads integers of 64 bits exactly', () => {
    void fc.assert(
      fc.property(fc.bigInt(-(2n ** 63n), 2n ** 64n - 1n), (value) => {
        const isSafe = Number.isSafeInteger(Number(value));
        expect(readJson(bytesOf(String(value))).root).toBe(isSafe ? Number(value) : value);
      }),
    );
  });

  it('never fails but with INVALID_REQUEST, whatever the bytes', () => {
    void fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          readJson(bytes, 'inputs');
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_REQUEST' });
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('never fails but with INVALID_REQUEST on a document cut or altered anywhere', () => {
    const text = '{"id":"\\u00e9","inputs":[{"name":"x","shape":[2],"data":[[1.5e3,-0],["a\\"]",true]]}]}';
    for (let at = 0; at < text.length; at++) {
      expect(refusal(() => readJson(bytesOf(text.slice(0, at)), 'inputs'))).toContain('malformed JSON');
      for (const junk of ['"', ']', '}', '\\', '\u0000']) {
        try {
          readJson(bytesOf(text.slice(0, at) + junk + text.slice(at + 1)), 'inputs');
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_REQUEST' });
        }
      }
    }
  });

  it.each([
    ['case 49: duplicate keys', '{"a":1,"b":2,"a":3}', "key 'a' occurs twice in one object"],
    ['case 49: duplicates by escape', '{"a":1,"\\u0061":3}', "key 'a' occurs twice in one object"],
    ['case 51: empty', '', 'expected a value, the text ends'],
    ['case 51: two documents', '{} {}', "expected the end of the text, found '{}'"],
    ['case 51: trailing comma', '[1,]', "expected a value, found ']'"],
    ['case 52: byte-order mark', '\uFEFF{}', 'a byte-order mark is not allowed'],
    ['leading zero', '[01]', "expected a value, found '01]'"],
    ['an integer beyond 64 bits', '[18446744073709551616]', 'number 18446744073709551616 is out of range'],
    ['one below 64 bits', '[-9223372036854775809]', 'number -9223372036854775809 is out of range'],
    ['a number beyond float64', '[1e400]', 'number 1e400 is out of range'],
    ['bare NaN outside tensors', '{"a":NaN}', "expected a value, found 'NaN}'"],
    ['a raw line break in a string', '["a\nb"]', 'expected an escaped control character'],
    ['a bad escape', '["\\x"]', 'expected a string with valid escapes'],
  ])('%s is refused', (_name, text, message) => {
    expect(refusal(() => readJson(bytesOf(text)))).toContain(message);
  });

  const many = (count: number, item: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => item(i)).join();
  it.each([
    [
      'parameters',
      (n: number) => `{"parameters":{${many(n, (i) => `"p${i}":1`)}}}`,
      1024,
      "members in one 'parameters'",
    ],
    [
      'parameters of an input',
      (n: number) => `{"inputs":[{"parameters":{${many(n, (i) => `"p${i}":1`)}}}]}`,
      1024,
      "members in one 'parameters'",
    ],
    ['inputs', (n: number) => `{"inputs":[${many(n, () => '{}')}]}`, 4096, "items in one 'inputs'"],
    ['outputs', (n: number) => `{"outputs":[${many(n, () => '{}')}]}`, 4096, "items in one 'outputs'"],
    [
      'dimensions',
      (n: number) => `{"inputs":[{"shape":[${many(n, () => '1')}]}]}`,
      64,
      "items in one 'shape'",
    ],
    // The object itself and what stands above the list are values too.
    ['values', (n: number) => `{"a":[${many(n - 2, () => '1')}]}`, 65_536, 'values in one request'],
    ['members', (n: number) => `{${many(n - 1, (i) => `"p${i}":1`)}}`, 65_536, 'values in one request'],
  ])('takes as many %s as are allowed, and not one more', (_what, text, most, what) => {
    expect(() => readJson(bytesOf(text(most)), 'inputs')).not.toThrow();
    expect(refusal(() => readJson(bytesOf(text(most + 1)), 'inputs'))).toBe(`more than ${most} ${what}`);
  });

  it('stops at the first value too many: what follows need not even be JSON', () => {
    const text = `{"parameters":{${many(1024, (i) => `"p${i}":1`)},]`;
    expect(refusal(() => readJson(bytesOf(text)))).toContain('more than 1024');
  });

  it('counts no elements of tensors', () => {
    const text = `{"inputs":[{"data":[${many(70_000, () => '1')}]}]}`;
    expect(() => readJson(bytesOf(text), 'inputs')).not.toThrow();
  });

  it('case 50: takes nesting of 100 and refuses 101, inside a data array too', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect(MAX_DEPTH).toBe(100);
    expect(() => readJson(bytesOf(nested(100)))).not.toThrow();
    expect(refusal(() => readJson(bytesOf(nested(101))))).toContain('nested deeper than 100');
    const inData = (depth: number) => `{"inputs":[{"data":${nested(depth)}}]}`;
    expect(() => readJson(bytesOf(inData(97)), 'inputs')).not.toThrow();
    expect(refusal(() => readJson(bytesOf(inData(98)), 'inputs'))).toContain('nested deeper than 100');
    expect(refusal(() => readJson(bytesOf('{"a":'.repeat(200_000))))).toContain('nested deeper than 100');
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(refusal(() => readJson(Uint8Array.of(0x22, 0xff, 0x22)))).toContain('not valid UTF-8');
  });
});
