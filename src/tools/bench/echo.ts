import { type ChildProcess, fork } from 'node:child_process';
import { ServingError } from '../../config/errors.ts';
import { HttpConnection } from './http-connection.ts';

/** Compiled next to this file. */
const SCRIPT = new URL('./echo-server.js', import.meta.url);

/** A bare node:http server in a process of its own: what HTTP costs without anything behind it. */
export class EchoServer {
  readonly connection: HttpConnection;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, connection: HttpConnection) {
    this.#child = child;
    this.connection = connection;
  }

  /** @param bytes - length of every answer. @throws ServingError UNAVAILABLE */
  static async start(bytes: number): Promise<EchoServer> {
    const child = fork(SCRIPT, [String(bytes)]);
    const port = await new Promise<number>((resolve, reject) => {
      child.once('message', (message) => resolve(message as number));
      child.once('exit', () => reject(new ServingError('UNAVAILABLE', 'the echo server did not start')));
    });
    return new EchoServer(child, await HttpConnection.open(`http://127.0.0.1:${port}`));
  }

  stop(): void {
    this.connection.close();
    this.#child.disconnect();
  }
}
