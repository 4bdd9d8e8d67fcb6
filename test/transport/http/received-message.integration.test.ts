import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ReceivedMessage } from '../../../src/transport/http/received-message.ts';

const HEAD = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n';
let server: Server | undefined;
afterEach(() => server?.close().closeAllConnections());

async function socketTo(listener: (incoming: ReceivedMessage) => void) {
  server = createServer({ IncomingMessage: ReceivedMessage }, (incoming, outgoing) => {
    listener(incoming as ReceivedMessage);
    incoming.on('end', () => outgoing.end('done'));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').setNoDelay(true);
  let text = '';
  const saying = async (times: number) => {
    while (text.split('done').length <= times) await once(socket, 'data');
  };
  socket.on('data', (chunk) => {
    text += chunk.toString();
  });
  return { socket, saying };
}

async function wholeOf(incoming: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of incoming) text += chunk;
  return text;
}

describe('a body that is delivered', () => {
  it('comes piece by piece and then null, before the stream ends, on every request of a connection', async () => {
    const seen: unknown[] = [];
    const { socket, saying } = await socketTo((incoming) => {
      expect(incoming.deliver((piece) => seen.push(piece && Buffer.from(piece).toString()))).toBe(true);
      incoming.on('end', () => seen.push('end'));
    });
    socket.write(`${HEAD}ab`);
    await once(server!, 'request');
    socket.write('cdef');
    await saying(1);
    socket.write(`${HEAD}ghijkl`);
    await saying(2);
    expect(seen).toEqual(['ab', 'cdef', null, 'end', 'ghijkl', null, 'end']);
  });

  it('is in hand before a tick has passed', async () => {
    let ticks = 0;
    let atLast: number | undefined;
    const { socket, saying } = await socketTo((incoming) => {
      process.nextTick(() => ticks++);
      incoming.deliver((piece) => {
        if (piece !== null) atLast = ticks;
      });
    });
    socket.write(`${HEAD}abcdef`);
    await saying(1);
    expect(atLast).toBe(0);
  });
});

describe('a body that was begun to be read', () => {
  it('is left to the stream, and whole there', async () => {
    const found: Promise<unknown>[] = [];
    const { socket, saying } = await socketTo((incoming) => {
      found.push(
        new Promise((resolve) =>
          setImmediate(() => resolve(incoming.deliver(() => expect.unreachable('delivered')))),
        ),
        wholeOf(incoming),
      );
    });
    socket.write(`${HEAD}abcdef`);
    await saying(1);
    expect(await Promise.all(found)).toEqual([false, 'abcdef']);
  });
});
