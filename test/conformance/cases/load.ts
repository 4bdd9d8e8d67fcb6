import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import type { ConformanceCase } from '../case.ts';
import { expectError, outputsOf } from '../expectations.ts';
import type { Server } from '../lab.ts';
import { asJson } from '../requests.ts';

/** A request that keeps a worker busy for a good while. */
const LONG = asJson([
  { name: 'trips', datatype: 'INT64', shape: '[]', data: '[1500]', bytes: new BigInt64Array(1) },
]);
/** What the model 'slow' answers, whatever it is asked: the sum of an identity matrix of 128. */
const SUM = { y: Float32Array.of(128) };
/** Runs that one worker has at a time: one under way, the next in its mailbox. */
const UNDER_WAY = 2;

/** Waits until so many requests wait or run. */
async function pending(server: Server, count: number): Promise<void> {
  for (;;) {
    const { body } = await server.taustat.metrics();
    if (body.includes(`taustat_queue_requests{model="slow"} ${count}\n`)) return;
    await pause(2);
  }
}

async function statistics(server: Server) {
  const { body } = await server.send({ path: '/v2/models/slow/stats', method: 'GET' });
  const [{ inference_stats: stats }] = JSON.parse(body.toString()).model_stats;
  return { answered: stats.success.count, failed: stats.fail.count };
}

/** Cases 75–76: more work than there are workers. */
export const LOAD_CASES: readonly ConformanceCase[] = [
  {
    number: 75,
    title: 'client that leaves',
    source: 'D',
    answer: 'its work leaves the queue and is never run; requests beside it are answered.',
    checks: {
      HTTP: async (lab) => {
        const server = await lab.server('slow', { runtime: { maxQueue: 8 } });
        const before = await statistics(server);
        const others = Array.from({ length: UNDER_WAY }, () => server.send(LONG));
        await pending(server, UNDER_WAY);
        const socket = await server.open();
        const body = String(LONG.body);
        socket.write(
          `POST /v2/models/slow/infer HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        );
        await pending(server, UNDER_WAY + 1);
        socket.destroy();
        await pending(server, UNDER_WAY);
        for (const answer of await Promise.all(others)) expect(outputsOf(answer)).toEqual(SUM);
        await pending(server, 0);
        const { answered, failed } = await statistics(server);
        expect([answered - before.answered, failed - before.failed]).toEqual([UNDER_WAY, 1]);
      },
    },
  },
  {
    number: 76,
    title: 'full queue',
    source: 'D',
    answer: '503 with `Retry-After`; what was accepted is answered, and then there is room again.',
    checks: {
      HTTP: async (lab) => {
        const server = await lab.server('slow', { runtime: { maxQueue: 1 } });
        const accepted = Array.from({ length: UNDER_WAY + 1 }, () => server.send(LONG));
        await pending(server, UNDER_WAY + 1);
        const refused = await server.send(LONG);
        expectError(refused, 503, /^1 requests are waiting already/);
        expect(refused.headers['retry-after']).toBe('1');
        for (const answer of await Promise.all(accepted)) expect(outputsOf(answer)).toEqual(SUM);
        expect(outputsOf(await server.send(LONG))).toEqual(SUM);
      },
    },
  },
];
