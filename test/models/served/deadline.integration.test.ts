import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectError, outputsOf } from '../../conformance/expectations.ts';
import { Lab, type Server } from '../../conformance/lab.ts';
import { asJson } from '../../conformance/requests.ts';
import { holdRuns } from '../../runtime/held-runs.ts';

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

  it('ends a request that waits, which is then never run; others are answered', async () => {
    const release = holdRuns();
    const others = [server.send(trips(1)), server.send(trips(1))];
    const answers = await Promise.all([
      server.send(trips(1_000_000_000, within(20_000))),
      server.send(trips(1_000_000_000, within(40_000))),
    ]);
    for (const answer of answers) expectError(answer, 504, /^no answer within the timeout of [24]0000 µs$/);
    release();
    for (const answer of await Promise.all(others)) expect(outputsOf(answer)).toEqual(SUM);
    // Had one of the endless runs begun, this would never be answered.
    expect(outputsOf(await server.send(trips(1)))).toEqual(SUM);
  });

  it('ends a request that runs', async () => {
    const release = holdRuns();
    expectError(await server.send(trips(1, within(1))), 504, /^no answer within the timeout of 1 µs$/);
    release();
    expect(outputsOf(await server.send(trips(1)))).toEqual(SUM);
  });
});
