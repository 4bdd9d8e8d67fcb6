import type { HttpConnection } from './http-connection.ts';

/** One request that was answered, or failed. */
export interface Exchange {
  /** When it was sent, in milliseconds since the load began. */
  readonly sentAtMs: number;
  /** Until its whole answer was there. */
  readonly ms: number;
  /** HTTP status; 0: the connection failed. */
  readonly status: number;
}

export interface OfferedLoad {
  readonly exchanges: readonly Exchange[];
  /** Requests that were due while every connection still waited for an answer. They are not made up for. */
  readonly unsent: number;
  /** Requests without an answer some time after the last was sent. */
  readonly hung: number;
  readonly seconds: number;
}

export interface OpenLoopOptions {
  readonly connections: readonly HttpConnection[];
  readonly messages: readonly Buffer[];
  readonly perSecond: number;
  readonly seconds: number;
  readonly signal: AbortSignal;
}

const TICK_MS = 1;
const PATIENCE_MS = 5000;

/** Offers requests at a steady rate, whatever becomes of those before, over connections that each carry one at a time. */
export async function offerLoad(options: OpenLoopOptions): Promise<OfferedLoad> {
  const { connections, messages, perSecond, seconds, signal } = options;
  const free = [...connections];
  const exchanges: Exchange[] = [];
  const startedAt = performance.now();
  let due = 0;
  let unsent = 0;

  const send = (connection: HttpConnection, message: Buffer) => {
    const sentAt = performance.now();
    const done = (status: number) => {
      exchanges.push({ sentAtMs: sentAt - startedAt, ms: performance.now() - sentAt, status });
      if (status !== 0) free.push(connection);
    };
    connection.ask(message).then(done, () => done(0));
  };

  while (!signal.aborted && performance.now() - startedAt < 1000 * seconds) {
    const dueNow = Math.floor(((performance.now() - startedAt) / 1000) * perSecond);
    for (; due < dueNow; due++) {
      const connection = free.shift();
      if (connection === undefined) unsent++;
      else send(connection, messages[due % messages.length]!);
    }
    await pause(TICK_MS);
  }
  const took = (performance.now() - startedAt) / 1000;
  const sent = due - unsent;
  const deadline = performance.now() + PATIENCE_MS;
  while (exchanges.length < sent && performance.now() < deadline && !signal.aborted) await pause(TICK_MS);
  return { exchanges, unsent, hung: sent - exchanges.length, seconds: took };
}

/** Requests per second that are answered with 200 when every connection sends the next as soon as the last is answered. */
export async function capacityOf(options: Omit<OpenLoopOptions, 'perSecond'>): Promise<number> {
  const { connections, messages, seconds, signal } = options;
  const startedAt = performance.now();
  let answered = 0;
  const isOver = () => signal.aborted || performance.now() - startedAt >= 1000 * seconds;
  const loop = async (connection: HttpConnection, from: number) => {
    for (let i = from; !isOver(); i++) {
      if ((await connection.ask(messages[i % messages.length]!)) === 200) answered++;
    }
  };
  await Promise.all(connections.map(loop));
  return answered / ((performance.now() - startedAt) / 1000);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
