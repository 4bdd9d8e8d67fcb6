/**
 * The least that HTTP can cost in Node: reads a body, answers as many bytes as an inference of the bundled model has, and
 * does nothing else. A process of its own, started by path; it tells its port and ends with its parent.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const answer = Buffer.alloc(Number(process.argv[2]));
const server = createServer((request, response) => {
  request.on('data', () => undefined);
  request.on('end', () => {
    response.writeHead(200, {
      'Content-Type': 'application/octet-stream',
      'Content-Length': answer.byteLength,
    });
    response.end(answer);
  });
});
// Between two of its turns the others take longer than the default of 5 s.
server.keepAliveTimeout = 0;
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.once('disconnect', () => process.exit());
