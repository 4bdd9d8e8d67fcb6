import { expect, it } from 'vitest';
import { parseAddress } from '../../../src/runtime/upstream/address.ts';

it.each([
  ['http://host:8000', 'http', false, 'host:8000'],
  ['https://host', 'http', true, 'host:443'],
  ['grpc://10.0.0.1:8001/', 'grpc', false, '10.0.0.1:8001'],
  ['GRPC://host', 'grpc', false, 'host:8001'],
  ['grpcs://[::1]:9000', 'grpc', true, '[::1]:9000'],
] as const)('reads %s', (url, protocol, isSecure, authority) => {
  expect(parseAddress(url)).toEqual({ protocol, isSecure, authority, url });
});

it.each([
  'host:8001',
  'tcp://host:8001',
  'grpc://',
  'http://host:0',
  'http://host:70000',
  'http://host:80a',
  'http://user@host',
  'http://host/path',
  'http://a:b:c',
])('refuses %s', (url) => {
  expect(() => parseAddress(url)).toThrow(/expected http:\/\/host:port or grpc:\/\/host:port/);
});
