import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/schema.ts';
import { controlOptionsOf } from '../../src/control/phases/options.ts';
import { judgedThreshold, stateName } from '../../src/control/phases/production.ts';
import { xorshift } from '../../src/drift/xorshift.ts';
import { nonzeroCount } from '../../src/estimator/histogram.ts';
import { Sampler } from '../../src/loop/sampler.ts';
import type { ShadowSample } from '../../src/loop/shadow.ts';
import { Thermostat } from '../../src/loop/thermostat.ts';
import { rayleigh } from '../control/events.ts';

const config = parseConfig({ agreement: { floor: 0.95 } });
const random = xorshift(3);
const POOL = 48;
/** Requests of 600 activations, by scale; drawn again and again. */
const pools = new Map(
  [1, 1.5].map((scale) => [scale, Array.from({ length: POOL }, (_, i) => rayleigh(i + 1, 600, scale))]),
);

/** One request of half-normal activations, answered with a disagreement rate of `disagreeing`. */
function sample(thermostat: Thermostat, seed: number, scale: number, disagreeing = 0): ShadowSample {
  const h = pools.get(scale)![Math.floor(random() * POOL)]!;
  return {
    at: seed * 100,
    epoch: thermostat.state.epoch,
    histograms: [h],
    isExtra: false,
    binningMs: 0,
    comparingMs: 0,
    judged: thermostat.judgedAt(0).map((threshold) => {
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

function feed(thermostat: Thermostat, from: number, count: number, scale: number, disagreeing = 0): void {
  for (let i = 0; i < count; i++) thermostat.add(sample(thermostat, from + i, scale, disagreeing));
}

describe('Thermostat, replayed in virtual time', () => {
  it('finds, proves and applies; notices a drift of 1.5 times within 200 samples and re-tunes in proportion', () => {
    const thermostat = new Thermostat({ sites: 1, config });
    feed(thermostat, 1, 700, 1);
    expect(stateName(thermostat.state)).toBe('tracking');
    const before = thermostat.applied;
    let samples = 0;
    for (; stateName(thermostat.state) === 'tracking' && samples < 200; samples++) {
      feed(thermostat, 1000 + samples, 1, 1.5);
    }
    expect(stateName(thermostat.state)).toBe('drifted');
    expect(thermostat.applied).toBe(0);
    feed(thermostat, 2000, 700, 1.5);
    expect(stateName(thermostat.state)).toBe('tracking');
    expect(thermostat.applied / before).toBeGreaterThan(1.3);
    expect(thermostat.applied / before).toBeLessThan(1.75);
  });

  it('takes a new reference when it was killed before the old one was kept', () => {
    const before = new Thermostat({ sites: 1, config });
    feed(before, 1, 700, 1);
    const { state } = before.memory;
    expect(stateName(state)).toBe('tracking');
    const phase = state.phase.kind === 'tracking' ? { ...state.phase, drift: null } : state.phase;
    const after = new Thermostat({
      sites: 1,
      config,
      memory: { state: { ...state, phase }, reference: null },
    });
    feed(after, 1000, 300, 1);
    expect(after.memory.reference).not.toBe(null);
    expect(after.state.change).toBe(state.change);
    feed(after, 2000, 200, 1.5);
    expect(stateName(after.state)).toBe('drifted');
  });

  it('changes nothing on 5,000 further samples of the same traffic', () => {
    const thermostat = new Thermostat({ sites: 1, config });
    feed(thermostat, 1, 2000, 1, 0.01);
    const { change } = thermostat.state;
    expect(thermostat.applied).toBeGreaterThan(0);
    feed(thermostat, 10_000, 5000, 1, 0.01);
    expect(thermostat.state.change).toBe(change);
  });

  it('survives a sample that cannot be used: dense, told so, and back again later', () => {
    const thermostat = new Thermostat({ sites: 1, config });
    feed(thermostat, 1, 700, 1);
    thermostat.add({ ...sample(thermostat, 1, 1), histograms: [] });
    expect(thermostat.state.change.reason).toBe('failure');
    expect(thermostat.applied).toBe(0);
    feed(thermostat, 5000, 1500, 1);
    expect(stateName(thermostat.state)).toBe('tracking');
  });

  it('is dense after a minute of answers that nobody compares, and prunes again when somebody does', () => {
    const thermostat = new Thermostat({ sites: 1, config });
    feed(thermostat, 1, 1000, 1);
    const { applied } = thermostat;
    let now = 0;
    let unheard = 0;
    for (; thermostat.applied > 0 && unheard < 99_999; unheard++)
      thermostat.answered(thermostat.thresholdAt(0.5), null, 10 * now++);
    expect([stateName(thermostat.state), unheard]).toEqual(['unverified', 6001]);
    let returned = 0;
    for (; thermostat.applied === 0 && returned < 500; returned++) {
      thermostat.answered(thermostat.thresholdAt(0.5), null, 10 * now++);
      feed(thermostat, 3000 + returned, 1, 1);
    }
    expect(thermostat.applied).toBe(applied);
    expect(returned).toBeLessThanOrEqual(4 * config.control.rampSamples);
  });

  it('learns nothing from requests that were answered in another epoch: not their answers, not their activations', () => {
    const thermostat = new Thermostat({ sites: 1, config });
    feed(thermostat, 1, 1000, 1);
    const late = Array.from({ length: 40 }, (_, i) => sample(thermostat, 2000 + i, 1, 1));
    thermostat.fail('the traffic, or what is trusted, has changed');
    const { state, window } = thermostat;
    for (const one of late) thermostat.add(one);
    expect(thermostat.state).toBe(state);
    expect(window.samples).toBe(0);
    feed(thermostat, 3000, 1, 1);
    expect(window.samples).toBe(1);
  });

  it('hears of nothing once it is closed: what takes its place has its own', () => {
    const thermostat = new Thermostat({ sites: 1, config });
    feed(thermostat, 1, 1000, 1);
    const { state } = thermostat;
    const late = Array.from({ length: 40 }, (_, i) => sample(thermostat, 2000 + i, 1, 1));
    thermostat.close();
    for (const one of late) thermostat.add(one);
    thermostat.fail('too late');
    expect(thermostat.state).toBe(state);
  });

  it('compares every answer while surprises make it suspicious, out of saved budget, until it is dense', () => {
    const thermostat = new Thermostat({ sites: 1, config });
    feed(thermostat, 1, 1500, 1);
    expect([stateName(thermostat.state), thermostat.interestIn(0.5)]).toEqual(['tracking', 'usual']);
    const sampler = new Sampler({ ratio: 0.05, budget: 0.02 });
    const busy = { shadowMs: 0, workers: 1 };
    let isSurprised = false;
    let compared = 0;
    let missed = 0;
    let request = 0;
    for (; thermostat.applied > 0 && request < 20_000; request++) {
      const position = sampler.position(`${request}`);
      const interest = thermostat.interestIn(position);
      if (sampler.decide(position, 10 * request, busy, interest) !== 'sample') {
        if (interest === 'urgent') missed++;
        continue;
      }
      busy.shadowMs += 2;
      const one = sample(thermostat, request, 1, 0.4);
      if (isSurprised) compared++;
      else isSurprised = one.judged[0]!.comparison!.loss > 0;
      thermostat.add(one);
      if (one.judged[0]!.comparison!.loss > 0 && thermostat.applied > 0)
        expect(thermostat.interestIn(0.99)).toBe('urgent');
    }
    expect(stateName(thermostat.state)).toBe('fallback');
    expect(missed).toBe(0);
    expect(compared).toBeLessThan(60);
  });

  it('takes one request a minute, one in twenty compared, for no silence', () => {
    const thermostat = new Thermostat({ sites: 1, config });
    feed(thermostat, 1, 1000, 1);
    const { change } = thermostat.state;
    for (let i = 0; i < 3000; i++) {
      thermostat.answered(thermostat.thresholdAt(0.5), null, 60_000 * i);
      if (i % 20 === 0) feed(thermostat, 3000 + i, 1, 1);
    }
    expect(thermostat.state.change).toBe(change);
  });

  it.each([
    [{ ratio: 0 }, Number.MAX_SAFE_INTEGER],
    [{ budget: 0 }, Number.MAX_SAFE_INTEGER],
    [{ ratio: 0.001 }, 20_000],
    [{}, 1000],
  ])('waits for so many answers that comparisons were due: sampling %j, %d', (sampling, requests) => {
    expect(controlOptionsOf(parseConfig({ sampling })).unverifiedRequests).toBe(requests);
  });

  it('reads the agreement from every comparison since the judged threshold last changed, the latest 500 of them', () => {
    const thermostat = new Thermostat({ sites: 1, config });
    let pairs = 0;
    let most = 0;
    for (let i = 0; i < 3000; i++) {
      const before = judgedThreshold(thermostat.state);
      feed(thermostat, i, 1, 1);
      const after = judgedThreshold(thermostat.state);
      pairs = before === after && before > 0 ? pairs + 1 : 0;
      expect(thermostat.agreement.reading.pairs).toBe(Math.min(pairs, 500));
      most = Math.max(most, pairs);
    }
    expect(most).toBeGreaterThan(500);
  });

  it('forgets measurements that belong to another threshold', () => {
    const thermostat = new Thermostat({ sites: 1, config });
    feed(thermostat, 1, 700, 1);
    expect(thermostat.agreement.reading.pairs).toBeGreaterThan(0);
    thermostat.setMode('fixed', 0.5, 1);
    expect(thermostat.agreement.reading.pairs).toBe(0);
    expect(thermostat.measured.overall.sparsity).toBeNaN();
  });

  it('shows its present state to a late subscriber, and ends when closed', () => {
    const thermostat = new Thermostat({ sites: 1, config });
    const seen: string[] = [];
    let isComplete = false;
    thermostat.state$.subscribe({
      next: (state) => seen.push(stateName(state)),
      complete: () => {
        isComplete = true;
      },
    });
    thermostat.setMode('off', undefined, 1);
    thermostat.close();
    expect(seen).toEqual(['warming', 'off']);
    expect(isComplete).toBe(true);
  });

  it('wants every answer compared once they are less certain than they were, none of them compared yet', () => {
    const thermostat = new Thermostat({ sites: 1, config });
    feed(thermostat, 1, 1500, 1);
    const lead = xorshift(41);
    const { applied } = thermostat;
    for (let i = 0; i < 300; i++) thermostat.answered(applied, 5 + lead(), i);
    expect(thermostat.interestIn(0.99)).toBe('usual');
    for (let i = 0; i < 3; i++) thermostat.answered(0, 0.1, 300 + i);
    expect(thermostat.interestIn(0.99)).toBe('usual');
    for (let i = 0; i < 3; i++) thermostat.answered(applied, 0.1, 303 + i);
    expect(thermostat.interestIn(0.99)).toBe('suspect');
    const { window, state } = thermostat;
    const before = window.samples;
    thermostat.add({ ...sample(thermostat, 2900, 1), isExtra: true });
    expect([thermostat.window.samples, thermostat.state]).not.toEqual([before, state]);
    expect(thermostat.window.samples).toBe(before);
    expect(thermostat.applied).toBe(applied);
    thermostat.fail('nothing of this is to be trusted');
    expect(thermostat.interestIn(0.99)).toBe('welcome');
    feed(thermostat, 3000, 3000, 1);
    expect(stateName(thermostat.state)).toBe('tracking');
    expect(thermostat.interestIn(0.99)).not.toBe('suspect');
  });
});
