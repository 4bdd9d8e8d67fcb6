import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { HttpConnection } from '../../../src/tools/bench/http-connection.ts';
import { capacityOf, offerLoad } from '../../../src/tools/bench/open-loop.ts';

const MESSAGE = Buffer.from('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
const signal = new AbortController().signal;

describe('open-loop load', () => {
  let server: Server;
  const connections: HttpConnection[] = [];
  afterEach(() => {
    for (const connection of connections.splice(0)) connection.close();
    server.closeAllConnections();
    server.close();
  });

  async function serving(count: number, answer: (n: number) => { status: number; afterMs: number }) {
    let n = 0;
    server = createServer((_, response) => {
      const { status, afterMs } = answer(n++);
      setTimeout(() => response.writeHead(status, { 'Content-Length': 0 }).end(), afterMs);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    for (let i = 0; i < count; i++) connections.push(await HttpConnection.open(url));
    return { connections, messages: [MESSAGE], signal };
  }

  it('offers what it was asked to, whatever the answers are', async () => {
    const to = await serving(50, (n) => ({ status: n % 3 === 0 ? 503 : 200, afterMs: 5 }));
    const { exchanges, unsent, hung, seconds } = await offerLoad({ ...to, perSecond: 200, seconds: 1 });
    expect(exchanges.length + unsent).toBeGreaterThanOrEqual(195);
    expect(exchanges.length + unsent).toBeLessThanOrEqual(Math.ceil(200 * seconds));
    expect(hung).toBe(0);
    const refused = exchanges.filter(({ status }) => status === 503).length;
    expect(refused).toBe(Math.ceil(exchanges.length / 3));
  });

  it('tells what it could not send', async () => {
    const to = await serving(1, () => ({ status: 200, afterMs: 400 }));
    const { exchanges, unsent } = await offerLoad({ ...to, perSecond: 100, seconds: 1 });
    expect(exchanges.length).toBeLessThanOrEqual(3);
    expect(unsent).toBeGreaterThanOrEqual(90);
  });

  it('tells what was never answered', async () => {
    const to = await serving(4, (n) => ({ status: 200, afterMs: n === 0 ? 60_000 : 1 }));
    const { hung } = await offerLoad({ ...to, perSecond: 20, seconds: 0.5 });
    expect(hung).toBe(1);
  });

  it('finds the capacity of a closed loop', async () => {
    const to = await serving(4, () => ({ status: 200, afterMs: 20 }));
    const capacity = await capacityOf({ ...to, seconds: 1 });
    expect(capacity).toBeGreaterThan(40);
    expect(capacity).toBeLessThanOrEqual(210);
  });
});
