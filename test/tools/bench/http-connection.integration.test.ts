import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { HttpConnection, httpMessage } from '../../../src/tools/bench/http-connection.ts';

let server: Server | undefined;

afterEach(() => {
  server?.close();
});

/** A server that answers each message with what `answer` writes. */
async function serving(answer: (socket: Socket) => void): Promise<string> {
  server = createServer((socket) => socket.on('data', () => answer(socket)));
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('HttpConnection', () => {
  it('waits for the whole body, in however many pieces it comes', async () => {
    const pieces = ['HTTP/1.1 200 OK\r\nContent-', 'Length: 6\r\n\r', '\nab', 'cd', 'ef'];
    let sent = 0;
    const url = await serving((socket) => {
      sent = 0;
      socket.setNoDelay(true);
      const next = () => {
        if (sent === pieces.length) return;
        socket.write(pieces[sent++]!);
        setTimeout(next, 5);
      };
      next();
    });
    const connection = await HttpConnection.open(url);
    for (let i = 0; i < 3; i++) {
      await connection.send(Buffer.from('x'));
      expect(sent).toBe(5);
    }
    connection.close();
  });

  it('fails on any answer but 200', async () => {
    const url = await serving((socket) => socket.write('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n'));
    const connection = await HttpConnection.open(url);
    expect(await connection.ask(Buffer.from('x'))).toBe(503);
    await expect(connection.send(Buffer.from('x'))).rejects.toThrow('unexpected answer: status 503');
    connection.close();
  });

  it('fails when the server closes the connection', async () => {
    const url = await serving((socket) => socket.destroy());
    const connection = await HttpConnection.open(url);
    await expect(connection.send(Buffer.from('x'))).rejects.toThrow('the connection was closed');
  });

  it('connects again when the server has closed it between two requests', async () => {
    const url = await serving((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    const connection = await HttpConnection.open(url);
    for (let i = 0; i < 3; i++) {
      expect(await connection.ask(Buffer.from('x'))).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    connection.close();
  });

  it('says where nothing listens', async () => {
    const url = await serving(() => undefined);
    await new Promise((resolve) => server!.close(resolve));
    await expect(HttpConnection.open(url)).rejects.toThrow(`${url}: connect ECONNREFUSED`);
  });
});

describe('httpMessage', () => {
  it('is one HTTP/1.1 message', () => {
    const request = { body: Buffer.from('abc'), headers: { 'Content-Type': 'application/json' } };
    expect(httpMessage('http://127.0.0.1:80', 'm', request).toString()).toBe(
      'POST /v2/models/m/infer HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\nabc',
    );
  });
});
