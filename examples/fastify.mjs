// taustat inside a Fastify application: run with `npm run build && node examples/fastify.mjs [port]`, then open http://localhost:8080/ml/.
import { getRequestListener } from '@hono/node-server';
import Fastify from 'fastify';
import { createTaustat } from 'taustat';

const PREFIX = '/ml';
const taustat = await createTaustat({ telemetry: { logLevel: 'warn' } });
const listener = getRequestListener(taustat.routes.fetch);
const app = Fastify();
app.register(
  async (scope) => {
    // Bodies are for taustat to read.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _body, done) => done(null));
    scope.all('/*', (request, reply) => {
      reply.hijack();
      request.raw.url = request.raw.url?.slice(PREFIX.length);
      void listener(request.raw, reply.raw);
    });
  },
  { prefix: PREFIX },
);
app.get('/hello', async () => 'mine');
await app.listen({ port: Number(process.argv[2] ?? 8080) });
const address = /** @type {{ port: number }} */ (app.server.address());
console.log(`listening on http://localhost:${address.port}`);

process.once('SIGTERM', async () => {
  await app.close();
  await taustat.close();
});
