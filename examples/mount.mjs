// taustat inside somebody's own Hono application: run with `npm run build && node examples/mount.mjs [port]`.
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { createTaustat } from 'taustat';

const taustat = await createTaustat({ agreement: { floor: 0.98 }, telemetry: { logLevel: 'warn' } });
const app = new Hono();
app.get('/hello', (context) => context.text(`mine, beside ${taustat.model}`));
app.route('/', taustat.routes);
const server = serve({ fetch: app.fetch, port: Number(process.argv[2] ?? 8080) }, ({ port }) => {
  console.log(`listening on http://localhost:${port}`);
});

process.once('SIGTERM', async () => {
  server.close();
  await taustat.close();
});
