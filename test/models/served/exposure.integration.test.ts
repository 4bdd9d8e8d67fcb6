import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { compose } from '../../../src/compose.ts';
import { parseConfig } from '../../../src/config/schema.ts';
import { thresholdAt } from '../../../src/control/phases/production.ts';
import { hashToUnit } from '../../../src/loop/sampler.ts';
import type { Taustat } from '../../../src/taustat.ts';
import { readNpy } from '../../../src/tools/inputs/npy.ts';
import { type Listening, listen } from '../../../src/transport/http/server.ts';
import { SMALL_GATED, smallCnn } from '../../small-cnn.ts';

const SITE = '/relu2/Relu';
const LINES: Record<string, unknown>[] = [];
let taustat: Taustat;
let server: Listening;
afterEach(async () => {
  await server.stop(0);
  await taustat.close();
});

/** Everything that a server says of what it answers at. */
interface Told {
  readonly mode: string;
  readonly threshold: number;
  readonly exposure: number;
  readonly candidate: number | null;
  readonly sparsity: number | null;
  readonly production: { readonly threshold: number; readonly share: number; readonly rest: number };
  readonly change: { readonly at: number; readonly detail: string };
}

async function start(): Promise<void> {
  const config = parseConfig({
    ...SMALL_GATED,
    server: { port: 0 },
    sampling: { ratio: 1, budget: 1 },
    agreement: { floor: 0.9 },
    window: { slices: 4, sliceSamples: 16, minSamples: 48 },
  });
  const log = pino({ level: 'info' }, { write: (line: string) => void LINES.push(JSON.parse(line)) });
  taustat = await compose(config, log);
  server = await listen(taustat.routes, { host: '127.0.0.1', port: 0 });
}

async function told(): Promise<Told> {
  const answer = await fetch(`${server.url}/v2/models/${taustat.model}/pruning`);
  return (await answer.json()) as Told;
}

/** Samples of `/metrics` by name and labels. */
async function metrics(): Promise<(name: string) => number | undefined> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return (name) => {
    const line = text.split('\n').find((each) => each.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1));
  };
}

describe('what a server says of itself', () => {
  it('is what clients were answered, at every stage of a ramp', async () => {
    await start();
    const images = await readNpy(smallCnn('inputs.npy'));
    const pixels = images.elements as Float32Array;
    const metadata = await (await fetch(`${server.url}/v2/models/${taustat.model}`)).json();
    const [spec] = (metadata as { inputs: { name: string; shape: number[] }[] }).inputs;
    const size = spec!.shape.slice(1).reduce((a, b) => a * b, 1);
    const infer = async (id: string, row: number) => {
      const data = Array.from(pixels.subarray(row * size, (row + 1) * size));
      const input = { name: spec!.name, shape: [1, ...spec!.shape.slice(1)], datatype: 'FP32', data };
      const body = JSON.stringify({ id, inputs: [input] });
      const answer = await fetch(`${server.url}/v2/models/${taustat.model}/infer`, { method: 'POST', body });
      return ((await answer.json()) as { parameters: { threshold: number } }).parameters.threshold;
    };
    const stages = new Set<number>();
    const answered = { dense: 0, pruned: 0 };
    const model = taustat.model;
    for (let i = 0; i < 6000 && !stages.has(1); i++) {
      const before = await told();
      const id = `request-${i}`;
      const threshold = await infer(id, i % 1000);
      answered[threshold > 0 ? 'pruned' : 'dense']++;
      // What was told before holds for the answer, unless the controller has taken a step in between.
      const after = await told();
      if (after.change.at !== before.change.at || after.exposure !== before.exposure) continue;
      const { threshold: main, candidate, exposure, sparsity, production: parts } = before;
      expect(threshold).toBe(thresholdAt(parts, hashToUnit(id)));
      expect(exposure).toBe(parts.threshold > 0 ? parts.share : 0);
      if (exposure > 0) expect(candidate).toBe(parts.threshold);
      expect(main > 0).toBe(exposure > 0);
      if (stages.has(exposure)) continue;
      const metric = await metrics();
      const now = await told();
      if (now.exposure !== exposure || now.candidate !== candidate) continue;
      stages.add(exposure);
      expect(metric(`taustat_exposure_ratio{model="${model}",version="1"}`)).toBe(exposure);
      expect(metric(`taustat_candidate_threshold{model="${model}",version="1"}`)).toBe(
        candidate ?? undefined,
      );
      expect(metric(`taustat_threshold{model="${model}",version="1",site="${SITE}"}`)).toBe(main);
      expect(metric(`taustat_answers_total{model="${model}",version="1",answer="pruned"}`) ?? 0).toBe(
        answered.pruned,
      );
      expect(metric(`taustat_answers_total{model="${model}",version="1",answer="dense"}`) ?? 0).toBe(
        answered.dense,
      );
      if (exposure === 0) expect(sparsity).toBe(0);
      else if (parts.rest === 0 && sparsity !== null) expect(sparsity).toBeLessThanOrEqual(exposure);
    }
    expect([...stages].sort((a, b) => a - b)).toEqual([0, 0.01, 0.05, 0.25, 1]);
    const ramped = LINES.filter(({ exposure }) => exposure !== undefined && exposure !== 0);
    expect(ramped.map(({ exposure }) => exposure)).toEqual(expect.arrayContaining([0.01, 0.05, 0.25, 1]));
    expect(ramped.every(({ threshold, candidate }) => Number(threshold) > 0 && Number(candidate) > 0)).toBe(
      true,
    );
  });
});
