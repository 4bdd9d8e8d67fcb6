import { describe, expect, it } from 'vitest';
import {
  chooseEncoding,
  parseByteCount,
  parseContentEncoding,
} from '../../../src/transport/http/request-headers.ts';

describe('parseByteCount', () => {
  it.each([
    ['0', 0],
    ['17', 17],
    ['0017', 17],
    ['9007199254740991', 2 ** 53 - 1],
  ])('%s is %i', (text, count) => {
    expect(parseByteCount('N', text)).toBe(count);
  });

  it.each(['', '-1', '+1', '1.0', '1e3', '0x1', ' 1', '9007199254740992', '1, 1'])('refuses %j', (text) => {
    expect(() => parseByteCount('N', text)).toThrow(`header 'N' is '${text}', expected a byte count`);
  });
});

describe('parseContentEncoding', () => {
  it.each([
    [undefined, 'identity'],
    ['', 'identity'],
    ['identity', 'identity'],
    [' GZip ', 'gzip'],
    ['x-gzip', 'gzip'],
    ['deflate', 'deflate'],
  ])('%j is %s', (value, encoding) => {
    expect(parseContentEncoding(value)).toBe(encoding);
  });

  it.each(['br', 'gzip, gzip', 'zstd'])('case 70: refuses %s', (value) => {
    expect(() => parseContentEncoding(value)).toThrow(`content encoding '${value}' is not supported`);
  });
});

describe('chooseEncoding', () => {
  it.each([
    [undefined, 'identity'],
    ['', 'identity'],
    ['br, zstd', 'identity'],
    ['*', 'identity'],
    ['gzip', 'gzip'],
    ['deflate, GZIP', 'gzip'],
    ['deflate;q=0.1', 'deflate'],
    ['gzip; q=0, deflate', 'deflate'],
    ['gzip;q=0.000', 'identity'],
    ['gzip;q=0.001', 'gzip'],
  ])('%j is answered in %s', (accept, encoding) => {
    expect(chooseEncoding(accept)).toBe(encoding);
  });
});
