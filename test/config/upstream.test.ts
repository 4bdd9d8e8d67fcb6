import { describe, expect, it } from 'vitest';
import { type ServingFlags, servingConfig } from '../../src/cli/options.ts';
import { parseConfig } from '../../src/config/schema.ts';

const url = 'grpc://triton:8001';
const flags = (more: Partial<ServingFlags>): ServingFlags => ({ state: true, ...more });

describe('flags of an upstream server', () => {
  it('name its model, and the instrumented one beside it', () => {
    const { upstream } = servingConfig(
      undefined,
      flags({ upstream: url, model: 'm', instrumented: 'm_taustat' }),
    );
    expect(upstream).toMatchObject({ url, models: [{ name: 'm', instrumented: 'm_taustat' }] });
    expect(upstream.forwardHeaders).toEqual(['traceparent', 'tracestate', 'x-request-id']);
  });

  it.each([
    ['without a model', { upstream: url }, /upstream.models: no model is named; give --model/],
    ['without an address', { model: 'm' }, /upstream.url: missing/],
    [
      'only the instrumented model',
      { upstream: url, instrumented: 'i' },
      /--instrumented: only with --model/,
    ],
    [
      'the same model twice',
      { upstream: url, model: 'm', instrumented: 'm' },
      /plain and as the instrumented/,
    ],
    ['a name of its own', { upstream: url, model: 'm', name: 'n' }, /model.name: .*give --model/],
    [
      'a repository beside it',
      { upstream: url, model: 'm', modelRepository: 'f' },
      /models of files are given too/,
    ],
    [
      'an address of another protocol',
      { upstream: 'tcp://h:1', model: 'm' },
      /expected http:\/\/host:port or grpc/,
    ],
  ] as const)('are refused: %s', (_, given, message) => {
    expect(() => servingConfig(undefined, flags(given))).toThrow(message);
  });

  it('are refused beside a file', () => {
    expect(() => servingConfig('model.onnx', flags({ upstream: url, model: 'm' }))).toThrow(
      /models of files are given too \('model.onnx'\)/,
    );
  });
});

it.each([
  [{ url, models: [{ name: 'm' }, { name: 'm' }] }, /'m' is named twice/],
  [{ url, models: [{ name: 'm', other: 1 }] }, /other/],
  [{ url, models: [{ name: 'm', statistics: 's' }] }, /'m' has a model for statistics and none that prunes/],
  [{ url, models: [{ name: 'm' }], forwardHeaders: ['a b'] }, /expected the name of a header/],
  [{ passThroughUrl: url }, /upstream.url: missing/],
] as const)('settings %j are refused', (upstream, message) => {
  expect(() => parseConfig({ upstream })).toThrow(message);
});
