import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type ConfigInput, parseConfig } from '../../src/config/schema.ts';
import { step } from '../../src/control/phases/controller.ts';
import type { ControlEvent } from '../../src/control/phases/event.ts';
import { stateName } from '../../src/control/phases/production.ts';
import { type ControllerState, initialState } from '../../src/control/phases/state.ts';
import { xorshift } from '../../src/drift/xorshift.ts';
import { ControlLoop } from '../../src/loop/control-loop.ts';
import { LadderRuns } from '../../src/loop/ladder-runs.ts';
import type { Step } from '../../src/loop/step.ts';
import type { Tensor } from '../../src/protocol/types.ts';
import type { ShadowResult, ShadowRun } from '../../src/runtime/runtime.ts';
import { OPTIONS, rayleigh, snapshot } from '../control/events.ts';

const RUN_MS = 1;
const ARRIVAL_MS = 10;
const POOL = Array.from({ length: 48 }, (_, i) => rayleigh(i + 1, 600));

interface Request {
  /** Decides at which threshold its answer changes. */
  readonly hardness: number;
  readonly index: number;
}

const tensor = (name: string, ...values: number[]): Tensor => ({
  name,
  datatype: 'FP32',
  shape: [1, values.length],
  elements: Float32Array.from(values),
});

const inputsOf = ({ hardness, index }: Request) => [tensor('x', hardness, index)];
/** Two classes by turns; pruned beyond its hardness a request gets the other one. */
function answerTo(inputs: readonly Tensor[], threshold: number): readonly Tensor[] {
  const [hardness, index] = inputs[0]!.elements as Float32Array;
  const isFirst = index! % 2 === 0;
  const keeps = threshold <= hardness!;
  return [tensor('y', ...(isFirst === keeps ? [9, 0] : [0, 9]))];
}

class FakeRuntime {
  busy = { productionMs: 0, shadowMs: 0, workers: 1 };
  runs = 0;
  /** Which activations a request has. */
  look = 0;
  failing = (_: ShadowRun) => false;

  async shadow(run: ShadowRun): Promise<ShadowResult> {
    this.runs++;
    this.busy.shadowMs += RUN_MS;
    if (this.failing(run)) throw new Error('a run that fails');
    return {
      outputs: answerTo(run.inputs, run.thresholds?.[0] ?? 0),
      histograms: run.measure === 'histogram' ? [POOL[this.look % POOL.length]!] : [],
      retained: run.measure === 'retained' ? [{ count: 300, sum: 400 }] : [],
      queueMs: 0,
      inferMs: RUN_MS,
      measureMs: 0,
      workerMs: RUN_MS,
    };
  }
}

/** A server in virtual time: a request every 10 ms, `load` of the worker's time taken by them. */
class Replay {
  readonly runtime = new FakeRuntime();
  readonly steps: Step[] = [];
  readonly loop: ControlLoop;
  requests = 0;
  kept = 0;
  /** Requests that were run again as samples of the traffic. */
  sampled = 0;
  load = 0.5;
  lookOf = (index: number) => index;
  #now = 0;
  #random = xorshift(11);

  constructor(config: ConfigInput = {}) {
    this.loop = new ControlLoop({
      sites: 1,
      outputs: ['y'],
      config: parseConfig(config),
      runtime: this.runtime,
      clock: { wallMs: () => Math.floor(this.#now), monotonicMs: () => this.#now },
    });
    this.loop.steps$.subscribe((step) => this.steps.push(step));
  }

  /** Requests of which one in two hundred changes at τ = 1, and ever more do above. */
  async request(hardness = 1 / Math.sqrt(200 * Math.max(1e-6, this.#random()))): Promise<void> {
    this.#now += ARRIVAL_MS;
    this.runtime.busy.productionMs += this.load * ARRIVAL_MS;
    const request = { hardness: Math.max(0.05, 14 * hardness), index: this.requests++ };
    const inputs = inputsOf(request);
    this.runtime.look = this.lookOf(request.index);
    const { threshold, look } = this.loop.place(`${request.index}`);
    const outputs = answerTo(inputs, threshold);
    this.loop.answered(threshold, outputs, this.#now);
    if (look?.isKept) this.kept++;
    if (look !== undefined && look.isOnlyKept !== true && look.isOfSearch !== true) this.sampled++;
    if (look !== undefined) await this.loop.sample({ ...look, inputs, outputs, threshold });
    while (this.loop.isJudging) await setImmediate();
  }

  async until(isThere: () => boolean, atMost = 6000): Promise<number> {
    let n = 0;
    for (; n < atMost && !isThere(); n++) await this.request();
    return n;
  }

  changes(reason: string) {
    return this.steps.filter(
      ({ before, after }) => before.change !== after.change && after.change.reason === reason,
    );
  }

  count(kind: string): number {
    return this.steps.filter(({ event }) => event.kind === kind).length;
  }

  get isApplied(): boolean {
    return stateName(this.loop.state) === 'tracking' && this.loop.exposure.exposure === 1;
  }
}

describe('a search on kept inputs, in virtual time', () => {
  it('warms in idle time, asks a pilot, proves and applies: all of production within 4,000 requests, at default settings', async () => {
    const replay = new Replay();
    expect(await replay.until(() => stateName(replay.loop.state) === 'trial')).toBeLessThan(400);
    const n = await replay.until(() => replay.isApplied);
    expect(n).toBeLessThan(4000);
    expect(replay.loop.applied).toBeGreaterThan(0);
    expect(replay.changes('pilot')).toHaveLength(1);
    expect(replay.count('tested')).toBeGreaterThan(500);
    replay.loop.close();
  });

  it('shows every test each input once, and no input of the pilot', async () => {
    const replay = new Replay();
    await replay.until(() => replay.count('tested') > 1500);
    const seen = new Map<number, number>();
    let first = 0;
    for (const { event } of replay.steps) {
      if (event.kind === 'pilot') first = event.next;
      if (event.kind !== 'tested') continue;
      expect(event.input).toBeGreaterThanOrEqual(Math.max(first, seen.get(event.rung) ?? 0));
      seen.set(event.rung, event.input + 1);
    }
    expect(first).toBeGreaterThanOrEqual(160);
    replay.loop.close();
  });

  it('takes its share of the idle time and no more; where nothing is idle, only what sampling may take', async () => {
    const replay = new Replay({ sampling: { searchBudget: 0.3 } });
    await replay.until(() => replay.count('pilot') > 0);
    const [runs, requests] = [replay.runtime.runs, replay.requests];
    await replay.until(() => false, 300);
    const perRequest = (replay.runtime.runs - runs) / (replay.requests - requests);
    // 10 ms between requests, half of it idle, .3 of that; and the 2 % of sampling.
    expect(perRequest).toBeLessThan(0.3 * 5 + 0.02 * 10 + 0.4);
    expect(perRequest).toBeGreaterThan(0.3 * 5 - 0.3);
    replay.load = 1;
    await replay.until(() => false, 20);
    const before = replay.count('tested');
    await replay.until(() => false, 200);
    // 2 % of 2,000 ms of the worker, and what was saved of it before.
    expect(replay.count('tested') - before).toBeLessThanOrEqual(40 + 20);
    await replay.until(() => false, 2000);
    expect(replay.count('tested') - before).toBeGreaterThan(100);
    replay.loop.close();
  });

  it('at rest leaves samples of the traffic most of what sampling may take: they notice a drift', async () => {
    const replay = new Replay({ sampling: { searchInputs: 1000 } });
    const random = xorshift(5);
    // From some threshold on just less is lost than may be: that takes more inputs to prove than are to be had.
    const request = () => replay.request(random() < 0.0092 ? 0.05 : 1);
    for (let n = 0; n < 60_000 && replay.loop.ladder.progress?.stage !== 'resting'; n++) await request();
    const { sampled } = replay;
    let atRest = 0;
    for (let n = 0; n < 20_000; n++) {
      const tested = replay.count('tested');
      const isResting = () => replay.loop.ladder.progress?.stage === 'resting';
      const wasResting = isResting();
      await request();
      if (wasResting && isResting()) atRest += replay.count('tested') - tested;
    }
    expect(replay.loop.ladder.progress?.stage).toBe('resting');
    // Of 200 s the budget is 4 s, of which a quarter is 1000 runs; now and then the search is not at rest.
    expect(atRest).toBeGreaterThan(100);
    expect(atRest).toBeLessThan(1100);
    expect(replay.sampled - sampled).toBeGreaterThan(2000);
  });

  it('keeps no request ahead of what it can judge', async () => {
    const replay = new Replay();
    replay.load = 0.98;
    await replay.until(() => false, 3000);
    expect(replay.kept).toBeLessThan(800);
    replay.loop.close();
  });

  it('keeps nothing where it must not: candidates are tried one after another', async () => {
    const replay = new Replay({ sampling: { keepInputsBytes: 0, ratio: 1, budget: 1 } });
    await replay.until(() => replay.isApplied, 2000);
    expect(replay.isApplied).toBe(true);
    expect([replay.kept, replay.count('pilot'), replay.count('tested')]).toEqual([0, 0, 0]);
    replay.loop.close();
  });

  it('begins anew after answers disagreed: what was kept is gone, and no rung as high is tested', async () => {
    const replay = new Replay();
    await replay.until(() => replay.isApplied);
    const before = replay.loop.applied;
    for (let i = 0; i < 2000 && stateName(replay.loop.state) !== 'fallback'; i++) await replay.request(0);
    expect(stateName(replay.loop.state)).toBe('fallback');
    expect([replay.loop.ladder.kept.size, replay.loop.ladder.kept.bytes]).toEqual([0, 0]);
    await replay.until(() => replay.isApplied, 12_000);
    expect(replay.loop.applied).toBeLessThan(before);
    replay.loop.close();
  });

  it('an input whose pruned runs go on failing has lost everything; a run that fails once is made again', async () => {
    const replay = new Replay();
    await replay.until(() => replay.count('tested') > 50);
    let left = 2;
    replay.runtime.failing = (run) => run.measure === 'nothing' && run.thresholds?.[0] !== 0 && left-- > 0;
    const losses = () => replay.steps.flatMap(({ event }) => (event.kind === 'tested' ? [event.loss] : []));
    const before = losses().length;
    await replay.until(() => losses().length > before);
    expect(losses()[before]).not.toBe(1);
    replay.runtime.failing = (run) => run.measure === 'nothing' && (run.thresholds?.[0] ?? 0) > 0;
    const then = losses().length;
    await replay.until(() => losses().length > then);
    expect(losses()[then]).toBe(1);
    replay.loop.close();
  });

  it('keeps requests apart where neighbours resemble each other, and shows no test what was kept side by side', async () => {
    const replay = new Replay();
    // The class stays for about eight requests.
    const random = xorshift(5);
    let side = 0;
    const next = () => {
      if (random() < 1 / 8) side = Math.floor(2 * random());
      replay.requests += (replay.requests + side) % 2;
    };
    for (let i = 0; i < 4000 && replay.count('pilot') === 0; i++) {
      next();
      await replay.request();
    }
    const pilot = replay.steps.map(({ event }) => event).find((event) => event.kind === 'pilot')!;
    expect(pilot).toMatchObject({ every: expect.any(Number) });
    expect(pilot.every).toBeGreaterThan(8);
    expect(replay.loop.ladder.kept.size).toBeLessThan(3);
    const [kept, from] = [replay.kept, replay.requests];
    for (let i = 0; i < 600; i++) {
      next();
      await replay.request();
    }
    expect(replay.kept - kept).toBeGreaterThan(0);
    expect((replay.requests - from) / (replay.kept - kept)).toBeGreaterThan(0.7 * pilot.every);
    expect(replay.changes('pilot')[0]!.after.change.detail).toContain(`one request in ${pilot.every}`);
    replay.loop.close();
  });

  it('keeps no request closer than the blocks of the traffic tell, though the pilot has seen one scene only', async () => {
    const replay = new Replay({ sampling: { ratio: 0.2, budget: 1 } });
    // What a request looks like stays for about 200, what it is answered does not.
    const random = xorshift(6);
    let scene = 0;
    replay.lookOf = () => {
      if (random() < 1 / 200) scene = Math.floor(random() * POOL.length);
      return scene;
    };
    await replay.until(() => replay.count('pilot') > 0, 20_000);
    const { blockRequests } = replay.loop.streams.reading;
    expect(blockRequests).toBeGreaterThan(100);
    const pilot = replay.steps.map(({ event }) => event).find((event) => event.kind === 'pilot')!;
    expect(pilot.every).toBeGreaterThanOrEqual(0.75 * blockRequests);
    const [kept, from] = [replay.kept, replay.requests];
    await replay.until(() => false, 6000);
    expect(replay.kept - kept).toBeGreaterThan(3);
    expect(replay.kept - kept).toBeLessThan((replay.requests - from) / (0.7 * pilot.every));
    replay.loop.close();
  });

  it('searches again where other sites are pruned, on what is kept already', async () => {
    const replay = new Replay();
    await replay.until(() => replay.isApplied);
    const tests = () => {
      const { phase } = replay.loop.state;
      const search = 'search' in phase ? phase.search.tests : null;
      return search?.kind === 'tested' ? search.tests : [];
    };
    replay.loop.timed(undefined, 'other sites', { gated: [false] });
    replay.loop.timed(undefined, 'all sites again', { gated: [true] });
    expect(stateName(replay.loop.state)).toBe('warming');
    const results = replay.count('tested');
    await replay.until(() => replay.isApplied, 6000);
    expect(tests().length).toBeGreaterThan(0);
    expect(replay.count('tested')).toBeGreaterThan(results + 500);
    expect(replay.isApplied).toBe(true);
    replay.loop.close();
  });

  it('spends no idle time on what would save none', async () => {
    const replay = new Replay();
    await replay.until(() => replay.count('pilot') > 0);
    replay.loop.timed('unprofitable', 'no kernels');
    await replay.until(() => false, 200);
    const before = replay.runtime.runs;
    await replay.until(() => false, 1000);
    // 2 % of ten seconds.
    expect(replay.runtime.runs - before).toBeLessThan(260);
    replay.loop.close();
  });

  it('in mode off and fixed nothing is kept and nothing judged', async () => {
    for (const mode of ['off', 'fixed'] as const) {
      const replay = new Replay({ control: { mode, threshold: 0.2 } });
      await replay.until(() => false, 300);
      expect([replay.kept, replay.count('tested')]).toEqual([0, 0]);
      replay.loop.close();
    }
  });
});

/** The runs of a search of which nobody but a test tells how far apart its requests are to be. */
class Spaced {
  state: ControllerState;
  spacing = 1;
  readonly events: ControlEvent[] = [];
  readonly runs: LadderRuns;
  readonly #control = { ...OPTIONS, keepsInputs: true };

  constructor() {
    const begun = step(initialState('auto', undefined, this.#control), snapshot([0.5]), this.#control);
    const losses = [4, 8, 11, 12, 15].map((rung) => [rung, rung < 12 ? 0 : 0.2] as const);
    this.state = step(begun, { kind: 'pilot', at: 2, losses, next: 160, every: 1 }, this.#control);
    this.runs = new LadderRuns({
      config: parseConfig({}),
      control: this.#control,
      runtime: new FakeRuntime(),
      outputs: ['y'],
      judge: { compare: () => null },
      clock: { wallMs: () => 0, monotonicMs: () => 0 },
      state: () => this.state,
      thresholdsAt: (threshold) => Float32Array.of(threshold),
      spacing: () => this.spacing,
      samplingPays: () => false,
      isSaving: () => false,
      emit: (event) => {
        this.events.push(event);
        this.state = step(this.state, event, this.#control);
      },
      onFailure: (error) => {
        throw error;
      },
    });
  }

  /** Of so many requests, how many are kept. */
  wanted(requests: number, isNamed: boolean): number {
    return Array.from({ length: requests }, () => this.runs.wants(isNamed)).filter(Boolean).length;
  }
}

describe('the distance of kept requests', () => {
  it('grows with what is known of the traffic; tests begin anew once it is twice what it was', () => {
    const spaced = new Spaced();
    expect(spaced.wanted(60, false)).toBe(60);
    spaced.runs.keep([tensor('x', 1)], null);
    spaced.spacing = 30;
    spaced.runs.pump();
    expect(spaced.events).toEqual([{ kind: 'respaced', at: 0, next: 161, every: 30 }]);
    expect(spaced.runs.kept.size).toBe(0);
    expect(spaced.wanted(600, false)).toBeLessThan(22);
    spaced.spacing = 50;
    spaced.runs.pump();
    expect(spaced.events.length).toBe(1);
    expect(spaced.wanted(1000, false)).toBeLessThan(22);
    spaced.spacing = 60;
    spaced.runs.pump();
    expect(spaced.events.at(-1)).toEqual({ kind: 'respaced', at: 0, next: 161, every: 60 });
    expect(spaced.events.length).toBe(2);
    spaced.runs.close();
  });

  it('is that of the blocks where streams have names, of which one request each is asked about', () => {
    const spaced = new Spaced();
    expect(spaced.wanted(20, true)).toBe(20);
    spaced.spacing = 30;
    spaced.runs.pump();
    expect(spaced.events).toEqual([{ kind: 'respaced', at: 0, next: 160, every: 1 }]);
    expect(spaced.wanted(20, true)).toBe(20);
    expect(spaced.wanted(600, false)).toBeLessThan(22);
    spaced.runs.pump();
    expect(spaced.events.length).toBe(1);
    spaced.runs.close();
  });
});
