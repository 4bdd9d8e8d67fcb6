import { describe, expect, it } from 'vitest';
import { step } from '../../../src/control/phases/controller.ts';
import type { ControlEvent } from '../../../src/control/phases/event.ts';
import { exposureOf, production, stateName } from '../../../src/control/phases/production.ts';
import { type ControllerState, initialState } from '../../../src/control/phases/state.ts';
import { OPTIONS, pair, snapshot } from '../events.ts';

const KEEPING = { ...OPTIONS, keepsInputs: true };

/** A controller that hears events, and the numbers of the inputs that its tests have seen. */
class Story {
  state: ControllerState = initialState('auto', undefined, KEEPING);
  readonly reasons: string[] = [];
  #input = 160;

  hear(...events: readonly ControlEvent[]): this {
    for (const event of events) {
      const before = this.state.change;
      this.state = step(this.state, event, KEEPING);
      if (this.state.change !== before) this.reasons.push(this.state.change.reason);
    }
    return this;
  }

  /** A rung loses so much on so many more inputs. */
  tested(rung: number, loss: number, inputs: number): this {
    for (let i = 0; i < inputs; i++) this.hear({ kind: 'tested', at: 3, rung, input: this.#input++, loss });
    return this;
  }

  /** A search whose pilot found that rung 12 is the first that loses too much. */
  searched(): this {
    this.hear(snapshot([0.5]));
    const losses = [4, 8, 11, 12, 15].map((rung) => [rung, rung < 12 ? 0 : 0.2] as const);
    return this.hear({ kind: 'pilot', at: 2, losses, next: 160, every: 1 });
  }

  /** Comparisons of production's own answers. */
  compared(loss: number, count: number): this {
    for (let i = 0; i < count; i++) {
      const { threshold, share, rest } = production(this.state);
      this.hear(pair(threshold, loss));
      if (share < 1 && rest > 0) this.hear(pair(rest, loss, false));
    }
    return this;
  }

  get tests() {
    const { phase } = this.state;
    const search = 'search' in phase ? phase.search : null;
    return search?.tests?.kind === 'tested' ? search.tests.tests : [];
  }

  /** Of the tests that do not seem hopeless. */
  get rungs() {
    const hopeful = this.tests.filter(({ likelyLoss }) => likelyLoss <= 2 * KEEPING.allowedLoss);
    return hopeful.map(({ rung }) => rung);
  }
}

describe('a search on kept inputs', () => {
  it('waits for its pilot: nothing is tried meanwhile, and no comparison decides anything', () => {
    const story = new Story().hear(snapshot([0.5]));
    expect(stateName(story.state)).toBe('trial');
    expect(exposureOf(story.state)).toEqual({ threshold: 0, candidate: null, exposure: 0 });
    const { state } = story;
    story.compared(0, 500).tested(3, 0, 500);
    expect(story.state).toBe(state);
  });

  it('tests what the pilot suggests, and shows the most promising candidate as the next', () => {
    const story = new Story().searched();
    expect(story.reasons).toEqual(['critical-point', 'pilot']);
    const rungs = story.rungs;
    expect(Math.max(...rungs)).toBe(11);
    expect(exposureOf(story.state).candidate).toBeGreaterThan(0.5);
    // A second pilot has nothing to say.
    const { state } = story;
    expect(story.hear({ kind: 'pilot', at: 2, losses: [[0, 1]], next: 900, every: 1 }).state).toBe(state);
  });

  it('brings what is proven to production from 1 %, on a quarter of the comparisons of a trial', () => {
    const story = new Story().searched();
    story.tested(story.rungs[0]!, 0, 400);
    expect(production(story.state)).toMatchObject({ share: 0.01, rest: 0 });
    expect(story.state.change.detail).toMatch(/on \d+ kept inputs/);
    for (const share of [0.05, 0.25, 1]) {
      story.compared(0, KEEPING.rampSamples / 4);
      expect(production(story.state).share).toBe(share);
    }
  });

  it('climbs from one proven threshold to the next from 5 %, once all of production is at the first', () => {
    const story = new Story().searched();
    const [low, high] = [story.rungs[0]!, story.rungs.at(-1)!];
    story.tested(low, 0, 400);
    const first = production(story.state).threshold;
    story.tested(high, 0, 400);
    expect(production(story.state)).toMatchObject({ threshold: first, share: 0.01 });
    story.compared(0, 6);
    expect(production(story.state)).toEqual({ threshold: first, share: 1, rest: 0 });
    story.compared(0, 1);
    expect(production(story.state)).toMatchObject({ share: 0.05, rest: first });
    expect(production(story.state).threshold).toBeGreaterThan(first);
    story.compared(0, 4);
    expect(production(story.state).share).toBe(1);
  });

  it('never goes down for a lower rung that is proven later, and ignores rungs that have no test', () => {
    const story = new Story().searched();
    const [low, high] = [story.rungs[0]!, story.rungs.at(-1)!];
    story.tested(high, 0, 600).compared(0, 8);
    const { threshold } = production(story.state);
    story.tested(low, 0, 600).tested(0, 0, 600).compared(0, 40);
    expect(production(story.state)).toMatchObject({ threshold, share: 1 });
  });

  it('an alarm goes back to the last good threshold, and gives up what disagreed and all above it', () => {
    const story = new Story().searched();
    const [low, high] = [story.rungs[0]!, story.rungs.at(-1)!];
    story.tested(low, 0, 400).compared(0, 6).tested(high, 0, 400).compared(0, 5);
    const before = production(story.state).threshold;
    for (let i = 0; i < 2000 && production(story.state).threshold === before; i++)
      story.hear(pair(before, i % 8 === 0 ? 1 : 0));
    expect(story.state.change.reason).toBe('disagreement');
    expect(production(story.state)).toMatchObject({ share: 1 });
    expect(production(story.state).threshold).toBeLessThan(before);
    expect(story.tests.find(({ rung }) => rung === high)).toMatchObject({ isDropped: true, peak: 0 });
    story.tested(high, 0, 2000).compared(0, 400);
    expect(production(story.state).threshold).toBeLessThan(before);
  });

  it('ends in dense where every candidate is clearly too bad, and begins lower after the cool-down', () => {
    const story = new Story().searched();
    for (const { rung } of story.tests) story.tested(rung, 0.3, 400);
    expect(story.state.phase).toMatchObject({ kind: 'fallback', reason: 'disagreement' });
    expect(story.state.change.reason).toBe('agreement-unproven');
    for (let i = 0; i < 12; i++) story.hear(snapshot([0.5]));
    const losses = [4, 8, 11, 12, 15].map((rung) => [rung, rung < 12 ? 0 : 0.2] as const);
    story.hear({ kind: 'pilot', at: 2, losses, next: 5000, every: 1 });
    expect(Math.max(...story.rungs)).toBeLessThan(5);
  });

  it('other sites that are pruned, or drift, end it: nothing that was tested says anything of what comes', () => {
    const other = new Story().searched().hear({
      kind: 'time',
      at: 3,
      heldBack: undefined,
      gated: [false],
      detail: '',
    });
    expect(stateName(other.state)).toBe('warming');
    const drifted = new Story().searched().hear(snapshot([0.5], { isDrift: true }));
    expect(stateName(drifted.state)).toBe('drifted');
    expect(drifted.hear({ kind: 'tested', at: 3, rung: 2, input: 900, loss: 0 }).tests).toEqual([]);
  });

  it('ends a stage within few blocks, whether the first compared request of a block is of its share or not', () => {
    const story = new Story().searched();
    story.tested(story.rungs[0]!, 0, 400);
    const { threshold } = production(story.state);
    const length = 300;
    let index = 0;
    for (; production(story.state).share === 0.01 && index < 100 * length; index++) {
      const unit = { stream: 0, block: Math.floor(index / length), left: length - 101 - (index % length) };
      story.hear({ kind: 'comparison', at: 3, threshold, loss: 0, isDue: index % 100 === 50, unit });
    }
    expect(production(story.state).share).toBe(0.05);
    // One of a share of 1 % in each block; two are wanted.
    expect(index / length).toBeLessThan(3);
  });

  it('begins anew where requests resemble each other for longer than was known: production stays where it is until it is proven again', () => {
    const story = new Story().searched();
    const [rung] = story.rungs;
    story.tested(rung!, 0, 300);
    story.compared(0, 6);
    const before = production(story.state);
    expect(before).toMatchObject({ share: 1, rest: 0 });
    story.hear({ kind: 'respaced', at: 4, next: 700, every: 384 });
    expect(production(story.state)).toEqual(before);
    expect(story.state.change.detail).toContain('one request in 384');
    expect(story.state.change.detail).toContain(`stays at τ = ${before.threshold}`);
    const { search } = story.state.phase as Extract<typeof story.state.phase, { kind: 'tracking' }>;
    expect(search).toMatchObject({ proven: -1, refuted: search.rungs.length, tests: { every: 384 } });
    for (const test of story.tests)
      expect(test).toMatchObject({ evidence: { observations: 0 }, loss: 0, peak: 1, next: 700 });
    // An input of before says nothing.
    const { tests } = story;
    story.hear({ kind: 'tested', at: 5, rung: rung!, input: 699, loss: 0 });
    expect(story.tests).toEqual(tests);
    for (let input = 700; input < 1100; input++)
      story.hear({ kind: 'tested', at: 6, rung: rung!, input, loss: 0 });
    expect(production(story.state)).toEqual(before);
    expect(story.state.phase).toMatchObject({ kind: 'tracking', search: { proven: rung } });
  });

  it('is dense once a test that began anew speaks against what production has kept, and comes back by a proof', () => {
    const story = new Story().searched();
    const [low, high] = [story.rungs[0]!, story.rungs.at(-1)!];
    story.tested(high, 0, 400);
    story.compared(0, 6);
    const before = production(story.state);
    expect(before.share).toBe(1);
    story.hear({ kind: 'respaced', at: 4, next: 700, every: 12 });
    for (let input = 700; input < 750; input++) {
      expect(production(story.state)).toEqual(before);
      story.hear({ kind: 'tested', at: 5, rung: high, input, loss: 0.2 });
    }
    expect(production(story.state).threshold).toBe(0);
    expect(story.state.change).toMatchObject({ at: 5, reason: 'agreement-unproven' });
    for (let input = 700; input < 1100; input++)
      story.hear({ kind: 'tested', at: 6, rung: low, input, loss: 0 });
    expect(production(story.state)).toMatchObject({ share: 0.01, rest: 0 });
    expect(production(story.state).threshold).toBeLessThan(before.threshold);
  });

  it('lets nothing through, when it begins anew, that was on its way to production', () => {
    const story = new Story().searched();
    const [low, high] = [story.rungs[0]!, story.rungs.at(-1)!];
    story.tested(low, 0, 400);
    const first = production(story.state);
    expect(first.share).toBeLessThan(1);
    const other = new Story().searched();
    other.tested(low, 0, 400);
    other.hear({ kind: 'respaced', at: 4, next: 700, every: 12 });
    expect(production(other.state).threshold).toBe(0);
    story.compared(0, 6);
    story.tested(high, 0, 400);
    expect(production(story.state)).toMatchObject({ rest: first.threshold });
    story.hear({ kind: 'respaced', at: 4, next: 700, every: 12 });
    expect(production(story.state)).toEqual({ threshold: first.threshold, share: 1, rest: 0 });
  });

  it('tests nothing as high as what disagreed in production, all below it, and after every further strike half as much', () => {
    const story = new Story().searched();
    let [limit, before] = [Number.POSITIVE_INFINITY, 0];
    for (const strike of [1, 2]) {
      story.tested(story.rungs.at(-1)!, 0, 400).compared(0, 6);
      const { threshold, share } = production(story.state);
      expect(share).toBe(1);
      story.compared(1, 100);
      expect(story.state).toMatchObject({
        strikes: strike,
        disagreed: threshold,
        phase: { kind: 'fallback' },
      });
      for (let i = 0; i < 100 && story.state.phase.kind === 'fallback'; i++) story.hear(snapshot([]));
      // As where there is no critical point: the start is the lowest rung.
      story.searched();
      const { search } = story.state.phase as Extract<typeof story.state.phase, { kind: 'trial' }>;
      before = limit;
      limit = Math.max(...story.tests.map(({ rung }) => rung));
      expect(limit).toBeLessThan(before);
      expect(search.rungs[limit]!.threshold).toBeLessThan(threshold);
      const below = search.rungs.findLastIndex((rung) => rung.threshold < threshold);
      expect(limit).toBe(below >> (strike - 1));
    }
    story.hear(snapshot([0.5], { isDrift: true }));
    expect(story.state).toMatchObject({ strikes: 0, disagreed: undefined });
  });

  it('does not forget, when it begins anew, where production disagreed', () => {
    const story = new Story().searched();
    const [low, high] = [story.rungs[0]!, story.rungs.at(-1)!];
    story.tested(low, 0, 400).compared(0, 6);
    story.tested(high, 0, 400).compared(0, 8);
    const before = production(story.state).threshold;
    for (let i = 0; i < 400 && production(story.state).threshold === before; i++)
      story.compared(i % 8 === 0 ? 1 : 0, 1);
    const dropped = story.tests.filter(({ peak }) => peak === 0).map(({ rung }) => rung);
    expect(dropped).toContain(high);
    story.hear({ kind: 'respaced', at: 4, next: 5000, every: 12 });
    expect(story.tests.filter(({ isDropped }) => isDropped).map(({ rung }) => rung)).toEqual(dropped);
  });
});
