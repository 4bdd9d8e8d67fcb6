import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { healthCommand, stages } from './dockerfile.ts';

const [program, ...args] = healthCommand(stages().at(-1)!);

/** The exit code of the image's own health check, asked of a port. */
async function checked(port: number): Promise<number> {
  const child = spawn(program!, args, { env: { ...process.env, TAUSTAT_SERVER_PORT: String(port) } });
  const [code] = (await once(child, 'exit')) as [number];
  return code;
}

let server: Server | undefined;
const asked: string[] = [];

async function answering(status: number): Promise<number> {
  server = createServer((request, response) => {
    asked.push(request.url!);
    response.writeHead(status).end('{}');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

afterEach(async () => {
  server?.closeAllConnections();
  if (server?.listening) await once(server.close(), 'close');
  server = undefined;
  asked.length = 0;
});

describe('health check of the image', () => {
  it.each([
    [200, 0],
    [503, 1],
  ])('a server that answers %i gives %i', async (status, code) => {
    const port = await answering(status);
    expect(await checked(port)).toBe(code);
    expect(asked).toEqual(['/v2/health/ready']);
  });

  it('nobody there gives 1', async () => {
    const port = await answering(200);
    await once(server!.close(), 'close');
    expect(await checked(port)).toBe(1);
  });
});
