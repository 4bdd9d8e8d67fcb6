import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Lab, type Server } from '../../conformance/lab.ts';
import { holdRuns } from '../../runtime/held-runs.ts';
import { until } from '../http/until.ts';
import { type InferResponseMessage, messagesOf, OracleClient } from './oracle.ts';

let lab: Lab;
let server: Server;
let client: InstanceType<typeof OracleClient>;
beforeAll(async () => {
  lab = await Lab.open();
  server = await lab.server('slow', { server: { grpcPort: 0 } });
  client = new OracleClient(server.grpc!, credentials.createInsecure());
});
afterAll(async () => {
  client.close();
  await lab.close();
});

/** Runs that one worker has at a time: one under way, the next in its mailbox. */
const UNDER_WAY = 2;
const REQUEST = {
  model_name: 'slow',
  inputs: [{ name: 'trips', datatype: 'INT64', shape: [], contents: { int64_contents: ['1'] } }],
};

function infer(timeout?: string) {
  const { path, requestSerialize, responseDeserialize } = messagesOf('ModelInfer');
  const metadata = new Metadata();
  if (timeout !== undefined) metadata.set('grpc-timeout', timeout);
  let cancel = () => {};
  const answer = new Promise<InferResponseMessage>((resolve, reject) => {
    const call = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      REQUEST,
      metadata,
      (error: ServiceError | null, content?: object) => {
        if (error === null) resolve(content as InferResponseMessage);
        else reject(error);
      },
    );
    cancel = () => call.cancel();
  });
  answer.catch(() => undefined);
  return { answer, cancel: () => cancel() };
}

const exported = (line: string) =>
  until(async () => (await server.taustat.metrics()).body.includes(`${line}\n`));

const pending = (count: number) => exported(`taustat_queue_requests{model="slow",version="1"} ${count}`);

it('work of a call that is cancelled leaves the queue and is never run; calls beside it are answered', async () => {
  const release = holdRuns();
  const others = Array.from({ length: UNDER_WAY }, () => infer().answer);
  await pending(UNDER_WAY);
  const { answer, cancel } = infer();
  await pending(UNDER_WAY + 1);
  cancel();
  await expect(answer).rejects.toMatchObject({ code: status.CANCELLED });
  await pending(UNDER_WAY);
  release();
  for (const { outputs } of await Promise.all(others))
    expect(outputs[0]!.contents!.fp32_contents).toEqual([128]);
  await pending(0);
  await exported('taustat_requests_total{model="slow",version="1",outcome="ok"} 2');
  await exported('taustat_requests_total{model="slow",version="1",outcome="unavailable"} 1');
});

it('so does work whose deadline is over, and it counts as late', async () => {
  const release = holdRuns();
  const others = Array.from({ length: UNDER_WAY }, () => infer().answer);
  await pending(UNDER_WAY);
  // Without a deadline of the client's own, which would cancel the call at about the same time.
  const { answer } = infer('900m');
  await expect(answer).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
  release();
  for (const { outputs } of await Promise.all(others))
    expect(outputs[0]!.contents!.fp32_contents).toEqual([128]);
  await pending(0);
  await exported('taustat_requests_total{model="slow",version="1",outcome="ok"} 4');
  await exported('taustat_requests_total{model="slow",version="1",outcome="deadline_exceeded"} 1');
});
