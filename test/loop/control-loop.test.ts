import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/schema.ts';
import { controlOptionsOf } from '../../src/control/phases/options.ts';
import { comparedThreshold, comparedThresholds, stateName } from '../../src/control/phases/production.ts';
import type { ResumePoint } from '../../src/control/phases/resume-point.ts';
import { xorshift } from '../../src/drift/xorshift.ts';
import { type ActivationHistogram, nonzeroCount, tails } from '../../src/estimator/histogram.ts';
import { ControlLoop } from '../../src/loop/control-loop.ts';
import { Sampler } from '../../src/loop/sampler.ts';
import type { ShadowSample } from '../../src/loop/shadow-run.ts';
import type { Tensor } from '../../src/protocol/types.ts';
import { rayleigh } from '../control/events.ts';

/** Candidates are tried one after another, on the samples that a test brings. */
const config = parseConfig({ agreement: { floor: 0.95 }, sampling: { keepInputsBytes: 0 } });
const random = xorshift(3);
const POOL = 48;
/** Requests of 600 activations, by scale; drawn again and again. */
const pools = new Map(
  [1, 1.5].map((scale) => [scale, Array.from({ length: POOL }, (_, i) => rayleigh(i + 1, 600, scale))]),
);

/** One request of half-normal activations, answered with a disagreement rate of `disagreeing`. */
function sample(loop: ControlLoop, seed: number, scale: number, disagreeing = 0): ShadowSample {
  const h = pools.get(scale)![Math.floor(random() * POOL)]!;
  const y = (first: number): Tensor => ({
    name: 'y',
    datatype: 'FP32',
    shape: [1, 2],
    elements: Float32Array.of(first, 0),
  });
  // Of two classes, either as often as the other; the highest candidate answers the wrong one.
  const score = seed % 2 === 0 ? 4 : -4;
  return {
    answers: { inputs: [], dense: [y(score)], pruned: [y(-score)] },
    at: seed * 100,
    epoch: loop.state.epoch,
    histograms: [h],
    isExtra: false,
    binningMs: 0,
    comparingMs: 0,
    workerMs: 0,
    comparisons: comparedThresholds(loop.state).map((threshold) => {
      // What lies in the first half of the distribution may go.
      const agreed = threshold > 1.1 * scale || random() < disagreeing ? 0 : 1;
      return {
        threshold,
        comparison: { rows: 1, agreed, loss: 1 - agreed, kl: 0, cosine: 1 },
        isDue: true,
        isServed: true,
        retained: [{ count: nonzeroCount(h) / 2, sum: 100 }],
      };
    }),
  };
}

function feed(loop: ControlLoop, from: number, count: number, scale: number, disagreeing = 0): void {
  for (let i = 0; i < count; i++) loop.take(sample(loop, from + i, scale, disagreeing));
}

function meanOf(h: ActivationHistogram) {
  const { count, sum } = tails(h);
  return { mean: sum[0]! / count[0]! };
}

/** A loop that is given samples, and runs none. */
function open(resume?: ResumePoint, settings = config): ControlLoop {
  const runtime = {
    busy: { productionMs: 0, shadowMs: 0, workers: 1 },
    shadow: async () => 'dropped' as const,
  };
  return new ControlLoop({ sites: 1, outputs: ['y'], config: settings, runtime, resume });
}

/** Scores of two classes whose margin is known. */
function scores(margin: number): readonly Tensor[] {
  return [{ name: 'y', datatype: 'FP32', shape: [1, 2], elements: Float32Array.of(margin, 0) }];
}

describe('requests that pruning does not pay for', () => {
  it('are dense, and count as such in what the loop says of production', () => {
    const loop = open();
    loop.setMode('fixed', 0.5, 0);
    expect(loop.place('a').threshold).toBe(0.5);
    expect(loop.exposure.exposure).toBe(1);
    for (let i = 0; i < 5000; i++) {
      const pays = i % 4 === 0;
      expect(loop.place(`${i}`, { pays }).threshold).toBe(pays ? 0.5 : 0);
    }
    expect(loop.exposure.exposure).toBeCloseTo(1 / 4, 2);
    expect(loop.exposure.threshold).toBe(0.5);
  });

  it('do not count while production is held back', () => {
    const loop = open();
    loop.setMode('fixed', 0.5, 0);
    loop.timed('unmeasured', '');
    for (let i = 0; i < 100; i++) loop.place(`${i}`, { pays: false });
    loop.timed(undefined, '');
    expect(loop.exposure.exposure).toBe(1);
  });
});

describe('ControlLoop, replayed in virtual time', () => {
  it('finds, proves and applies; notices a drift of 1.5 times within 200 samples and re-tunes in proportion', () => {
    const loop = open();
    feed(loop, 1, 700, 1);
    expect(stateName(loop.state)).toBe('tracking');
    const before = loop.applied;
    let samples = 0;
    for (; stateName(loop.state) === 'tracking' && samples < 200; samples++) {
      feed(loop, 1000 + samples, 1, 1.5);
    }
    expect(stateName(loop.state)).toBe('drifted');
    expect(loop.applied).toBe(0);
    feed(loop, 2000, 700, 1.5);
    expect(stateName(loop.state)).toBe('tracking');
    expect(loop.applied / before).toBeGreaterThan(1.3);
    expect(loop.applied / before).toBeLessThan(1.75);
  });

  it('remembers how activations were distributed when the threshold was searched, across a drift', () => {
    const loop = open();
    expect([loop.estimation.activations, loop.estimation.activationsBefore]).toEqual([null, null]);
    feed(loop, 1, 700, 1);
    const { activationsBefore: before, activations: now } = loop.estimation;
    expect(before!.samples).toBe(240);
    expect(now!.at).toBeGreaterThan(before!.at);
    feed(loop, 1000, 200, 1.5);
    expect(stateName(loop.state)).toBe('drifted');
    // What it has moved away from is still to be seen, until a threshold is searched in what came instead.
    expect(loop.estimation.activationsBefore).toBe(before);
    const { mean: was } = meanOf(before!.sites[0]!);
    feed(loop, 2000, 700, 1.5);
    expect(stateName(loop.state)).toBe('tracking');
    expect(meanOf(loop.estimation.activationsBefore!.sites[0]!).mean / was).toBeCloseTo(1.5, 1);
    loop.setMode('off', undefined, 1);
    loop.setMode('auto', undefined, 2);
    expect(loop.estimation.activations).toBe(null);
  });

  it('takes a new reference when it was killed before the old one was kept', () => {
    const before = open();
    feed(before, 1, 700, 1);
    const { state } = before.resumePoint;
    expect(stateName(state)).toBe('tracking');
    const phase = state.phase.kind === 'tracking' ? { ...state.phase, drift: null } : state.phase;
    const after = open({ state: { ...state, phase }, reference: null, objective: before.judge.objective });
    feed(after, 1000, 300, 1);
    expect(after.resumePoint.reference).not.toBe(null);
    expect(after.state.change).toBe(state.change);
    feed(after, 2000, 200, 1.5);
    expect(stateName(after.state)).toBe('drifted');
  });

  it('changes nothing on 5,000 further samples of the same traffic', () => {
    const loop = open();
    feed(loop, 1, 2000, 1, 0.01);
    const { change } = loop.state;
    expect(loop.applied).toBeGreaterThan(0);
    feed(loop, 10_000, 5000, 1, 0.01);
    expect(loop.state.change).toBe(change);
  });

  it('survives a sample that cannot be used: dense, told so, and back again later', () => {
    const loop = open();
    feed(loop, 1, 700, 1);
    loop.take({ ...sample(loop, 1, 1), histograms: [] });
    expect(loop.state.change.reason).toBe('failure');
    expect(loop.applied).toBe(0);
    feed(loop, 5000, 1500, 1);
    expect(stateName(loop.state)).toBe('tracking');
  });

  it('is dense after a minute of answers that nobody compares, and prunes again when somebody does', () => {
    const loop = open();
    feed(loop, 1, 1000, 1);
    const { applied } = loop;
    let now = 0;
    let unheard = 0;
    for (; loop.applied > 0 && unheard < 99_999; unheard++) loop.answered(loop.applied, [], 10 * now++);
    expect([stateName(loop.state), unheard]).toEqual(['unverified', 6001]);
    let returned = 0;
    for (; loop.applied === 0 && returned < 500; returned++) {
      loop.answered(loop.applied, [], 10 * now++);
      feed(loop, 3000 + returned, 1, 1);
    }
    expect(loop.applied).toBe(applied);
    expect(returned).toBeLessThanOrEqual(4 * config.control.rampSamples);
  });

  it('learns nothing from requests that were answered in another epoch: not their answers, not their activations', () => {
    const loop = open();
    feed(loop, 1, 1000, 1);
    const late = Array.from({ length: 40 }, (_, i) => sample(loop, 2000 + i, 1, 1));
    loop.fail('the traffic, or what is trusted, has changed');
    const { state } = loop;
    const { window } = loop.estimation;
    for (const one of late) loop.take(one);
    expect(loop.state).toBe(state);
    expect(window.samples).toBe(0);
    feed(loop, 3000, 1, 1);
    expect(window.samples).toBe(1);
  });

  it('hears of nothing once it is closed: what takes its place has its own', () => {
    const loop = open();
    feed(loop, 1, 1000, 1);
    const { state } = loop;
    const late = Array.from({ length: 40 }, (_, i) => sample(loop, 2000 + i, 1, 1));
    loop.close();
    for (const one of late) loop.take(one);
    loop.fail('too late');
    expect(loop.state).toBe(state);
  });

  it('compares every answer while surprises make it suspicious, out of saved budget, until it is dense', () => {
    const loop = open();
    feed(loop, 1, 1500, 1);
    expect([stateName(loop.state), loop.sampling.interestIn(0.5)]).toEqual(['tracking', 'usual']);
    const sampler = new Sampler({ ratio: 0.05, budget: 0.02 });
    const busy = { shadowMs: 0, workers: 1 };
    let isSurprised = false;
    let compared = 0;
    let missed = 0;
    let request = 0;
    for (; loop.applied > 0 && request < 20_000; request++) {
      const position = sampler.position(`${request}`);
      const interest = loop.sampling.interestIn(position);
      if (sampler.decide(position, 10 * request, busy, interest) !== 'sample') {
        if (interest === 'urgent') missed++;
        continue;
      }
      busy.shadowMs += 2;
      const one = sample(loop, request, 1, 0.4);
      if (isSurprised) compared++;
      else isSurprised = one.comparisons[0]!.comparison!.loss > 0;
      loop.take(one);
      if (one.comparisons[0]!.comparison!.loss > 0 && loop.applied > 0)
        expect(loop.sampling.interestIn(0.99)).toBe('urgent');
    }
    expect(stateName(loop.state)).toBe('fallback');
    expect(missed).toBe(0);
    expect(compared).toBeLessThan(60);
  });

  it('takes one request a minute, one in twenty compared, for no silence', () => {
    const loop = open();
    feed(loop, 1, 1000, 1);
    const { change } = loop.state;
    for (let i = 0; i < 3000; i++) {
      loop.answered(loop.applied, [], 60_000 * i);
      if (i % 20 === 0) feed(loop, 3000 + i, 1, 1);
    }
    expect(loop.state.change).toBe(change);
  });

  it.each([
    [{ ratio: 0 }, Number.MAX_SAFE_INTEGER],
    [{ budget: 0 }, Number.MAX_SAFE_INTEGER],
    [{ ratio: 0.001 }, 20_000],
    [{}, 1000],
  ])('waits for so many answers that comparisons were due: sampling %j, %d', (sampling, requests) => {
    expect(controlOptionsOf(parseConfig({ sampling })).unverifiedRequests).toBe(requests);
  });

  it('reads the agreement from every comparison since the compared threshold last changed, the latest 500 of them', () => {
    const loop = open();
    let compared = 0;
    let most = 0;
    for (let i = 0; i < 3000; i++) {
      const before = comparedThreshold(loop.state);
      feed(loop, i, 1, 1);
      const after = comparedThreshold(loop.state);
      compared = before === after && before > 0 ? compared + 1 : 0;
      expect(loop.comparisons.agreement.reading.comparisons).toBe(Math.min(compared, 500));
      most = Math.max(most, compared);
    }
    expect(most).toBeGreaterThan(500);
  });

  it('forgets measurements that belong to another threshold', () => {
    const loop = open();
    feed(loop, 1, 700, 1);
    expect(loop.comparisons.agreement.reading.comparisons).toBeGreaterThan(0);
    loop.setMode('fixed', 0.5, 1);
    expect(loop.comparisons.agreement.reading.comparisons).toBe(0);
    expect(loop.comparisons.measured.overall.sparsity).toBeNaN();
  });

  it('shows its present state to a late subscriber, and ends when closed', () => {
    const loop = open();
    const seen: string[] = [];
    let isComplete = false;
    loop.state$.subscribe({
      next: (state) => seen.push(stateName(state)),
      complete: () => {
        isComplete = true;
      },
    });
    loop.setMode('off', undefined, 1);
    loop.close();
    expect(seen).toEqual(['warming', 'off']);
    expect(isComplete).toBe(true);
  });

  it('wants every answer compared once they are less certain than they were, none of them compared yet', () => {
    const loop = open();
    feed(loop, 1, 1500, 1);
    const jitter = xorshift(41);
    const { applied } = loop;
    for (let i = 0; i < 300; i++) loop.answered(applied, scores(5 + jitter()), i);
    expect(loop.sampling.interestIn(0.99)).toBe('usual');
    for (let i = 0; i < 3; i++) loop.answered(0, scores(0.1), 300 + i);
    expect(loop.sampling.interestIn(0.99)).toBe('usual');
    for (let i = 0; i < 3; i++) loop.answered(applied, scores(0.1), 303 + i);
    expect(loop.sampling.interestIn(0.99)).toBe('suspect');
    const { state } = loop;
    const { window } = loop.estimation;
    const before = window.samples;
    loop.take({ ...sample(loop, 2900, 1), isExtra: true });
    expect([loop.estimation.window.samples, loop.state]).not.toEqual([before, state]);
    expect(loop.estimation.window.samples).toBe(before);
    expect(loop.applied).toBe(applied);
    loop.fail('nothing of this is to be trusted');
    expect(loop.sampling.interestIn(0.99)).toBe('welcome');
    feed(loop, 3000, 3000, 1);
    expect(stateName(loop.state)).toBe('tracking');
    expect(loop.sampling.interestIn(0.99)).not.toBe('suspect');
  });
});

describe('requests that resemble each other', () => {
  it('gathers a reference from requests a block apart where they resemble each other, and is not drifted by that', () => {
    const loop = open();
    let index = 0;
    let taken = sample(loop, 0, 1);
    const feedRuns = (count: number, scale: number) => {
      for (let i = 0; i < count; i++) {
        const fresh = sample(loop, index, scale);
        if (random() < 0.25 || i === 0) taken = fresh;
        // The same input again, compared at what is judged now.
        const { comparisons, epoch, at } = fresh;
        loop.take({ ...taken, comparisons, epoch, at, place: { stream: 0, index: index++ } });
      }
    };
    feedRuns(1500, 1);
    const { blockRequests, correlationTime } = loop.streams.reading;
    const { gathered } = loop.estimation;
    expect(correlationTime).toBeGreaterThan(4);
    expect(blockRequests).toBeGreaterThan(16);
    expect(blockRequests).toBeLessThan(100);
    expect(gathered!.requests).toBeGreaterThan(1500 / blockRequests / 2);
    expect(gathered!.of).toBe(240);
    expect(loop.resumePoint.reference).toBe(null);
    // A restart does not forget, though there is no reference yet.
    const again = open(loop.resumePoint);
    expect(again.streams.reading.blockRequests).toBe(blockRequests);
    again.close();
    for (let i = 0; i < 60 && loop.estimation.gathered !== null; i++) feedRuns(240, 1);
    expect(loop.estimation.gathered).toBe(null);
    // It is made while others come.
    feedRuns(240, 1);
    expect(loop.resumePoint.reference!.blockRequests).toBeGreaterThan(4);
    expect(stateName(loop.state)).not.toBe('drifted');
    expect(loop.state.epoch).toBe(0);
    // Within as many blocks as before, which may be longer by now.
    const block = loop.streams.reading.blockRequests;
    for (let i = 0; i < 60 && loop.state.epoch === 0; i++) feedRuns(block, 1.5);
    expect(loop.state.epoch).toBeGreaterThan(0);
  });

  /** Candidates wait for kept requests, of which there are none. */
  const slow = parseConfig({});

  /** Answers of scenes that last so long; 1: independent ones. */
  function answer(loop: ControlLoop, count: number, sceneAnswers: number): void {
    let margin = 0;
    for (let i = 0; i < count; i++) {
      if (random() * sceneAnswers < 1) margin = random() - 0.5;
      loop.answered(0, scores(margin), i);
    }
  }

  it('has no reference of drift before the answers have told whether streams take turns', () => {
    const loop = open(undefined, slow);
    answer(loop, 1000, 1);
    feed(loop, 0, 256, 1);
    expect(stateName(loop.state)).toBe('trial');
    expect(loop.estimation.reference).toBeNull();
    answer(loop, 24, 1);
    feed(loop, 256, 32, 1);
    expect(loop.estimation.reference).not.toBeNull();
    expect(loop.estimation.reference!.blockRequests).toBeUndefined();
  });

  it('has another reference of drift once the answers tell that the requests of it were few scenes', () => {
    const loop = open(undefined, slow);
    let index = 0;
    const placed = (count: number) => {
      for (let i = 0; i < count; i++)
        loop.take({ ...sample(loop, index, 1), place: { stream: 0, index: index++ } });
    };
    placed(256);
    expect(loop.estimation.reference).not.toBeNull();
    answer(loop, 1024, 50);
    placed(32);
    expect(loop.streams.reading.blockRequests).toBeGreaterThan(50);
    expect(loop.estimation.reference).toBeNull();
    expect(loop.estimation.gathered!.requests).toBeLessThan(20);
  });
});
