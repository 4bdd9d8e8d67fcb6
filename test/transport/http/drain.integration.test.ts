import { Agent, type IncomingMessage, request } from 'node:http';
import { Hono } from 'hono';
import { expect, it } from 'vitest';
import type { NodeBindings } from '../../../src/transport/http/body.ts';
import { listen } from '../../../src/transport/http/server.ts';

it('a server that drains ends each connection with its answer, before it closes any', async () => {
  const app = new Hono<{ Bindings: NodeBindings }>().get('/routed', (context) => context.text('routed'));
  const server = await listen(app, {
    host: '127.0.0.1',
    port: 0,
    answerDirectly: (incoming, outgoing) => {
      if (incoming.url !== '/direct') return false;
      outgoing.writeHead(200, ['Content-Length', '6']).end('direct');
      return true;
    },
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = async (path: string): Promise<[number | undefined, string | undefined]> => {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      request(`${server.url}${path}`, { agent }, resolve).on('error', reject).end();
    });
    answer.resume();
    await new Promise((resolve) => answer.once('end', resolve));
    return [answer.statusCode, answer.headers.connection];
  };
  for (const path of ['/direct', '/routed']) expect(await ask(path)).toEqual([200, 'keep-alive']);
  server.drain();
  for (const path of ['/direct', '/routed']) expect(await ask(path)).toEqual([200, 'close']);
  agent.destroy();
  await server.stop(1000);
});
