// taustat inside an Express application: run with `npm run build && node examples/express.mjs [port]`, then open http://localhost:8080/ml/.
import { getRequestListener } from '@hono/node-server';
import express from 'express';
import { createTaustat } from 'taustat';

const taustat = await createTaustat({ telemetry: { logLevel: 'warn' } });
const app = express();
// Before whatever reads bodies, such as express.json().
app.use('/ml', getRequestListener(taustat.routes.fetch));
app.get('/hello', (_request, response) => response.send('mine'));
const server = app.listen(Number(process.argv[2] ?? 8080), () => {
  console.log(`listening on http://localhost:${/** @type {{ port: number }} */ (server.address()).port}`);
});

process.once('SIGTERM', async () => {
  server.close();
  await taustat.close();
});
