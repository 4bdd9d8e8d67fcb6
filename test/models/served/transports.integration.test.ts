import { afterAll, beforeAll, describe } from 'vitest';
import { Lab, type Server } from '../../conformance/lab.ts';
import type { InferenceClient } from '../../contracts/inference/client.ts';
import { GrpcClient } from '../../contracts/inference/grpc-client.ts';
import { RestClient } from '../../contracts/inference/rest-client.ts';
import { inferenceSuite } from '../../contracts/inference/suite.ts';

let lab: Lab;
const clients: InferenceClient[] = [];
beforeAll(async () => {
  lab = await Lab.open();
});
afterAll(async () => {
  for (const client of clients) client.close();
  await lab.close();
});

const FORMS: readonly (readonly [string, (server: Server) => InferenceClient])[] = [
  ['REST, JSON', ({ port }) => new RestClient(`http://127.0.0.1:${port}`, false)],
  ['REST, binary data', ({ port }) => new RestClient(`http://127.0.0.1:${port}`, true)],
  ['gRPC, typed contents', ({ grpc }) => new GrpcClient(grpc!, false)],
  ['gRPC, raw contents', ({ grpc }) => new GrpcClient(grpc!, true)],
];

for (const [form, connect] of FORMS) {
  describe(form, () => {
    const opened = ({ taustat, ...server }: Server) => {
      const client = connect({ taustat, ...server });
      clients.push(client);
      return { client, taustat };
    };
    const withGrpc = (settings: Parameters<Lab['server']>[1] = {}) => ({
      ...settings,
      server: { grpcPort: 0, ...settings.server },
    });
    inferenceSuite({
      open: async (model, settings) => opened(await lab.server(model, withGrpc(settings))),
      fresh: async (model, settings) => opened(await lab.fresh(model, withGrpc(settings))),
    });
  });
}
