import { expect } from 'vitest';
import { holdRuns } from '../../runtime/held-runs.ts';
import { until } from '../../transport/http/until.ts';
import type { ConformanceCase } from '../case.ts';
import { expectError, outputsOf } from '../expectations.ts';
import type { Server } from '../lab.ts';
import { asJson } from '../requests.ts';

const REQUEST = asJson([
  { name: 'trips', datatype: 'INT64', shape: '[]', data: '[1]', bytes: new BigInt64Array(1) },
]);
/** What the model 'slow' answers, whatever it is asked: the sum of an identity matrix of 128. */
const SUM = { y: Float32Array.of(128) };
/** Runs that one worker has at a time: one under way, the next in its mailbox. */
const UNDER_WAY = 2;

/** Waits until so many requests wait or run. */
function pending(server: Server, count: number): Promise<void> {
  return until(async () =>
    (await server.taustat.metrics()).body.includes(
      `taustat_queue_requests{model="slow",version="1"} ${count}\n`,
    ),
  );
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
        const release = holdRuns();
        const others = Array.from({ length: UNDER_WAY }, () => server.send(REQUEST));
        await pending(server, UNDER_WAY);
        const socket = await server.open();
        const body = String(REQUEST.body);
        socket.write(
          `POST /v2/models/slow/infer HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        );
        await pending(server, UNDER_WAY + 1);
        socket.destroy();
        await pending(server, UNDER_WAY);
        release();
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
        const release = holdRuns();
        const accepted = Array.from({ length: UNDER_WAY + 1 }, () => server.send(REQUEST));
        await pending(server, UNDER_WAY + 1);
        const refused = await server.send(REQUEST);
        expectError(refused, 503, /^1 requests are waiting already/);
        expect(refused.headers['retry-after']).toBe('1');
        release();
        for (const answer of await Promise.all(accepted)) expect(outputsOf(answer)).toEqual(SUM);
        expect(outputsOf(await server.send(REQUEST))).toEqual(SUM);
      },
    },
  },
];
