import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { compose } from '../../../src/compose.ts';
import { parseConfig } from '../../../src/config/schema.ts';
import type { Taustat } from '../../../src/taustat.ts';
import { readNpy } from '../../../src/tools/inputs/npy.ts';
import { SMALL_GATED, smallCnn } from '../../small-cnn.ts';

const LINES: Record<string, unknown>[] = [];
const WINDOW = { slices: 16, sliceSamples: 16, minSamples: 240 };
let taustat: Taustat;
afterEach(() => taustat.close());

async function start(): Promise<void> {
  const config = parseConfig({
    ...SMALL_GATED,
    sampling: { ratio: 1, budget: 1, sequenceHeader: 'X-Session' },
    control: { mode: 'observe' },
    window: WINDOW,
  });
  LINES.length = 0;
  const log = pino({ level: 'info' }, { write: (line: string) => void LINES.push(JSON.parse(line)) });
  taustat = await compose(config, log);
}

type Named = { parameters?: { sequence_id: string | number }; headers?: Record<string, string> };

/** Requests of sixteen streams in turn, each of which shows another scene after so many requests of all. */
async function send(count: number, named: (stream: number) => Named, scene = 128): Promise<void> {
  const images = await readNpy(smallCnn('inputs.npy'));
  const pixels = images.elements as Float32Array;
  const metadata = await (await taustat.routes.request(`/v2/models/${taustat.model}`)).json();
  const { name, shape } = (metadata as { inputs: { name: string; shape: number[] }[] }).inputs[0]!;
  const size = shape.slice(1).reduce((a, b) => a * b, 1);
  const rows = pixels.length / size;
  for (let i = 0; i < count; i++) {
    const stream = i % 16;
    const row = (7 * stream + 31 * Math.floor(i / scene)) % rows;
    const { parameters, headers = {} } = named(stream);
    const data = Array.from(pixels.subarray(row * size, (row + 1) * size));
    const input = { name, shape: [1, ...shape.slice(1)], datatype: 'FP32', data };
    const answer = await taustat.routes.request(`/v2/models/${taustat.model}/infer`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify({ inputs: [input], ...(parameters && { parameters }) }),
    });
    expect(answer.status).toBe(200);
    await answer.arrayBuffer();
  }
}

async function told() {
  const answer = await taustat.routes.request(`/v2/models/${taustat.model}/pruning`);
  const { streams } = (await answer.json()) as { streams: { blockRequests: number } };
  return streams;
}

describe('streams that take turns', () => {
  it.each<[string, (stream: number) => Named]>([
    ['sequence_id', (stream) => ({ parameters: { sequence_id: stream + 1 } })],
    ['the configured header', (stream) => ({ headers: { 'x-session': `camera ${stream}` } })],
  ])('are told apart by %s, and said to resemble themselves', async (_, named) => {
    await start();
    expect(await told()).toEqual({ correlationTime: 1, blockRequests: 1, gathered: null });
    await send(400, named);
    const { blockRequests } = await told();
    expect(blockRequests).toBeGreaterThan(8);
    expect(LINES).toContainEqual(
      expect.objectContaining({
        blockRequests,
        msg: `requests resemble those before them: ${blockRequests} in a row count as one, as evidence and for drift`,
      }),
    );
  });

  it('are one stream where they name none', async () => {
    await start();
    // Each shows one scene for ever: one after the other, they are as different as any.
    await send(400, () => ({}), Number.POSITIVE_INFINITY);
    expect((await told()).blockRequests).toBe(1);
  });
});
