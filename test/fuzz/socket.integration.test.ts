import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lab } from '../conformance/lab.ts';
import { send } from '../transport/http/socket-client.ts';
import { Dice } from './dice.ts';
import { print, SOCKET_REQUESTS as REQUESTS, SEED } from './extent.ts';
import { mutateBytes } from './mutations.ts';
import { fuzzRequest } from './requests.ts';
import { fuzz } from './run.ts';
import { MAX_BODY_BYTES, metadataOf } from './target.ts';
import { answersIn, exchange, HttpSender, onTheWire } from './wire.ts';

const AT_ONCE = 20;
const TIMEOUT_MS = 60_000 + REQUESTS * 20;

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open();
});
afterAll(() => lab.close());

async function serving(name: string) {
  const { port } = await lab.server(name, { server: { maxBodyBytes: MAX_BODY_BYTES } });
  return { port, models: [metadataOf(name)] };
}

/** Statuses that HTTP itself adds to those of the protocol; 100 comes before an answer. */
const OF_HTTP = new Set([100, 200, 400, 404, 405, 408, 413, 415, 417, 431]);

describe('generated requests, over a socket to real workers', () => {
  it.each(['pair', 'any-bytes', 'any-int64'])(
    'model %s',
    async (name) => {
      const { port, models } = await serving(name);
      const sender = new HttpSender(port);
      const result = await fuzz({ seed: SEED, requests: REQUESTS, models, send: (it) => sender.send(it) });
      sender.close();
      print(`socket, ${name}`, REQUESTS, result);
      expect(result.complaints).toEqual([]);
      expect(result.statuses[200]).toBeGreaterThan(REQUESTS / 20);
      expect(result.statuses[400]).toBeGreaterThan(REQUESTS / 4);
    },
    TIMEOUT_MS,
  );

  it(
    'bytes that are hardly HTTP',
    async () => {
      const { port, models } = await serving('pair');
      const statuses = new Map<number, number>();
      const put = async (index: number) => {
        const dice = new Dice(SEED + index);
        const message = onTheWire(fuzzRequest(SEED, index, models));
        const bytes = dice.chance(0.1) ? dice.bytes(dice.below(400)) : mutateBytes(message, dice);
        const isHead = Buffer.from(bytes).toString('latin1').startsWith('HEAD ');
        const where = `seed ${SEED}, number ${index}, bytes in base64: ${Buffer.from(bytes).toString('base64')}`;
        for (const { status, body } of answersIn(await exchange(port, bytes))) {
          expect(OF_HTTP, where).toContain(status);
          if (status >= 400 && !isHead) expect(JSON.parse(body).error, where).toMatch(/./);
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
      };
      for (let first = 0; first < REQUESTS; first += AT_ONCE)
        await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => put(first + i)));
      print('socket, bytes', REQUESTS, { statuses: Object.fromEntries(statuses) });
      expect(statuses.get(400)).toBeGreaterThan(REQUESTS / 5);
      expect((await send(port, { path: '/v2/health/live', method: 'GET' })).status).toBe(200);
    },
    TIMEOUT_MS,
  );
});
