import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectError, outputsOf } from '../../conformance/expectations.ts';
import { Lab, type Server } from '../../conformance/lab.ts';
import { asJson } from '../../conformance/requests.ts';

const trips = (count: number, rest = '') =>
  asJson(
    [{ name: 'trips', datatype: 'INT64', shape: '[]', data: `[${count}]`, bytes: new BigInt64Array(1) }],
    rest,
  );
const within = (us: number) => `"parameters":{"timeout":${us}}`;
const SUM = { y: Float32Array.of(128) };

describe('the timeout of a request over a socket', () => {
  let lab: Lab;
  let server: Server;
  beforeAll(async () => {
    lab = await Lab.open();
    server = await lab.server('slow');
  });
  afterAll(() => lab.close());

  it('ends a request that waits, which is then never run, and one that runs; others are answered', async () => {
    const others = [server.send(trips(4000)), server.send(trips(4000))];
    const answers = await Promise.all([
      server.send(trips(1_000_000_000, within(20_000))),
      server.send(trips(1_000_000_000, within(40_000))),
    ]);
    for (const answer of answers) expectError(answer, 504, /^no answer within the timeout of [24]0000 µs$/);
    for (const answer of await Promise.all(others)) expect(outputsOf(answer)).toEqual(SUM);
    // Had one of the endless runs begun, this would never be answered.
    expect(outputsOf(await server.send(trips(1, within(10_000_000))))).toEqual(SUM);
    expectError(await server.send(trips(4000, within(1))), 504, /^no answer within the timeout of 1 µs$/);
    expect(outputsOf(await server.send(trips(1)))).toEqual(SUM);
  });
});
