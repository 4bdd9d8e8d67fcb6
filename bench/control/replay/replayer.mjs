// A model's control loop, the server's own, and its traffic, phase by phase, in virtual time.
import { setImmediate } from 'node:timers/promises';
import { step } from '../../../dist/control/phases/controller.js';
import { xorshift } from '../../../dist/drift/xorshift.js';
import { ControlLoop } from '../../../dist/loop/control-loop.js';
import { steady } from './arrivals.mjs';
import { VirtualClock } from './clock.mjs';
import { Drifting } from './drifting.mjs';
import { Ordered } from './order.mjs';
import { PhaseRecord } from './phase-record.mjs';
import { productionOf } from './production.mjs';
import { inputsOf, RecordedRuntime } from './recorded-runtime.mjs';
import { configOf, promiseOf } from './settings.mjs';
import { Timings } from './timings.mjs';
import { Mixture } from './traffic.mjs';
import { TruthMeter } from './truth-meter.mjs';

/**
 * @typedef {{
 *   name: string,
 *   traffic: readonly import('./traffic.mjs').Part[],
 *   towards?: readonly import('./traffic.mjs').Part[],
 *   length: number | { settled: number, atMost: number },
 *   isStart?: boolean,
 *   isDrift?: boolean,
 *   arrivals?: import('./arrivals.mjs').Arrivals,
 *   rowLength?: number,
 *   order?: import('./order.mjs').Order,
 *   failureRatio?: number,
 *   collapse?: boolean,
 *   clockJumpMs?: number,
 *   load?: number,
 * }} Phase
 * `load`: share of the worker's time that production takes, .5 unless it says otherwise.
 * `length` in requests, or until so many sampled requests brought nothing new; `isStart`: the loop has come to rest on this traffic before.
 * @typedef {{ row: string, sites?: import('./recorded.mjs').SiteScheme, phases: readonly Phase[], config?: import('./settings.mjs').ConfigInput | undefined, latency?: number }} Scenario
 * `sites`: the server's default unless it says otherwise; `latency`: requests between a sampled request and its shadow's outcome.
 * @typedef {import('../../../dist/control/phases/resume-point.js').ResumePoint} ResumePoint
 * @typedef {import('../../../dist/loop/shadow-run.js').ShadowSample} ShadowSample
 * @typedef {import('../../../dist/loop/shadow-run.js').Look} Look
 * @typedef {import('./traffic.mjs').Item} Item
 * @typedef {Mixture | Drifting | Ordered} Traffic
 * @typedef {{ due: number, release: () => void, done: Promise<void>, record: PhaseRecord }} Waiting
 */

/** Requests between two points of a trace. */
const TRACE_EVERY = 200;
const MEAN_ARRIVAL_MS = 10;
const USUAL_LOAD = 0.5;
/** Virtual time of the serving thread that taking in a sample is given: about what a server of the small models needs. */
const TAKING_MS = 0.05;

export class Replayer {
  requests = 0;
  sampled = 0;
  timings = new Timings();
  /** @type {{ request: number, threshold: number, share: number, state: string, sparsity: number, loss: number }[]} */
  trace = [];
  #row;
  #scheme;
  #seed;
  #latency;
  #random;
  #runtime;
  #clock = new VirtualClock();
  #truth;
  /** The oracle's threshold. */
  #best = 0;
  /** What the last sample has shown; null: nothing. @type {ShadowSample | null} */
  #shown = null;
  #takenAt = 0;
  #estimateMs = 0;
  /** @type {Waiting[]} */
  #waiting = [];

  /** @param {Scenario} scenario @param {number} seed @param {ResumePoint} [resume] - of a loop that has come to rest. */
  constructor({ row, sites: scheme, phases, config: settings, latency = 0 }, seed, resume) {
    const config = configOf(settings);
    this.promise = promiseOf(config);
    this.#row = row;
    this.#scheme = scheme;
    this.#seed = seed;
    this.#latency = latency;
    this.#random = xorshift(seed);
    this.#runtime = new RecordedRuntime(xorshift(seed + 7919));
    this.#truth = new TruthMeter(this.promise.truth);
    const [first] = phases;
    if (first === undefined) throw new RangeError('a scenario has a phase');
    const { sites, poles } = new Mixture(row, first.traffic, 1, scheme).first.recorded;
    this.loop = new ControlLoop({
      sites,
      poles,
      outputs: ['logits'],
      config,
      runtime: this.#runtime,
      clock: this.#clock,
      resume,
      telemetry: {
        sampled: (sample) => {
          this.#shown = sample;
          this.#takenAt = performance.now();
          this.#clock.advance(TAKING_MS);
        },
        estimated: (ms) => {
          this.#estimateMs += ms;
        },
      },
    });
    // The controller is pure: the same step once more tells what it costs.
    this.loop.steps$.subscribe(({ before, event }) => {
      const started = performance.now();
      step(before, event, this.loop.control);
      this.timings.add('step', performance.now() - started);
    });
  }

  get production() {
    return productionOf(this.loop.state);
  }

  /** @param {Phase} phase @param {{ isTraced?: boolean, onRequest?: ((n: number) => void) | undefined }} [options] */
  async phase(phase, { isTraced = false, onRequest } = {}) {
    const from = new Mixture(this.#row, phase.traffic, phase.rowLength, this.#scheme);
    const traffic = trafficOf(phase, from, (parts) => new Mixture(this.#row, parts, 1, this.#scheme));
    const record = new PhaseRecord(phase.name, phase.isDrift === true, this.production);
    const { settled, atMost } =
      typeof phase.length === 'number'
        ? { settled: Number.POSITIVE_INFINITY, atMost: phase.length }
        : phase.length;
    this.#clock.jump(phase.clockJumpMs ?? 0);
    this.#runtime.failureRatio = phase.failureRatio ?? 0;
    this.#runtime.load = phase.load ?? USUAL_LOAD;
    this.#runtime.stuckAt = phase.collapse ? (from.first.recorded.thresholds.at(-1) ?? null) : null;
    this.#best = traffic.oracle(this.promise.truth, this.promise.allowed);
    for (let n = 0; n < atMost && !(record.quiet >= settled && record.last.isSettled); n++) {
      if (traffic instanceof Drifting) traffic.progress = n / atMost;
      await this.#request(traffic, record, phase.arrivals ?? steady(MEAN_ARRIVAL_MS));
      onRequest?.(this.requests);
      if (isTraced && this.requests % TRACE_EVERY === 0) this.trace.push(this.#point(traffic));
    }
    return {
      ...record.summary,
      worst: this.#truth.take(),
      ...harvestOf(traffic, mostOf(record.last), this.promise),
    };
  }

  close() {
    this.loop.close();
  }

  /** @type {(traffic: Traffic, record: PhaseRecord, arrivals: import('./arrivals.mjs').Arrivals) => Promise<void>} */
  async #request(traffic, record, arrivals) {
    const elapsedMs = arrivals(this.#random, this.requests);
    this.#clock.advance(elapsedMs);
    this.#runtime.advance(elapsedMs);
    /** @type {Item} */
    const item = traffic.draw(this.#random);
    const { threshold, look } = this.loop.place(`${this.#seed}-${this.requests}`, {
      sequence: item.sequence,
    });
    const really = threshold === 0 ? 0 : (this.#runtime.stuckAt ?? threshold);
    this.#truth.add(traffic, item, really, this.#best);
    record.served(traffic.sparsity(threshold));
    const outputs = this.#runtime.answer(item, threshold);
    this.loop.answered(threshold, outputs, this.#clock.monotonicMs());
    this.requests++;
    const request = look && { ...look, inputs: inputsOf(item), outputs, threshold };
    if (request?.isOnlyKept === true) await this.loop.sample(request);
    else if (request !== undefined) await this.#sample(request, record);
    // What runs in idle time is through before the next request comes.
    while (this.loop.isJudging) await setImmediate();
    for (
      let [next] = this.#waiting;
      next !== undefined && next.due <= this.requests;
      [next] = this.#waiting
    ) {
      this.#waiting.shift();
      await this.#end(next);
    }
  }

  /** @type {(request: import('../../../dist/loop/shadow-run.js').AnsweredRequest, record: PhaseRecord) => Promise<void>} */
  async #sample(request, record) {
    this.sampled++;
    let release = () => {};
    this.#runtime.held = new Promise((resolve) => {
      release = resolve;
    });
    const done = this.loop.sample(request);
    this.#waiting.push({ due: this.requests + this.#latency, release, done, record });
    // The run begins with what the loop knows now, whenever it ends.
    if (this.#latency > 0) await setImmediate();
  }

  /** @param {Waiting} waiting */
  async #end({ release, done, record }) {
    const { threshold } = this.production;
    this.#shown = null;
    this.#estimateMs = 0;
    release();
    await done;
    if (this.#shown === null) {
      record.failed++;
      return;
    }
    const { comparisons } = /** @type {ShadowSample} */ (this.#shown);
    this.timings.add('sample', performance.now() - this.#takenAt - this.#estimateMs);
    if (this.#estimateMs > 0) this.timings.add('estimate', this.#estimateMs);
    record.saw(
      this.production,
      comparisons.some((answer) => answer.threshold === threshold && answer.comparison !== null),
    );
  }

  /** @param {Traffic} traffic */
  #point(traffic) {
    const { threshold, share, state } = this.production;
    const sparsity = traffic.sparsity(threshold);
    return { request: this.requests, threshold, share, state, sparsity, loss: this.#truth.means.loss.mean };
  }
}

/** @type {(phase: Phase, from: Mixture, of: (parts: readonly import('./traffic.mjs').Part[]) => Mixture) => Traffic} */
function trafficOf({ towards, order }, from, of) {
  if (order !== undefined) return new Ordered(from, order);
  return towards === undefined ? from : new Drifting(from, of(towards));
}

/** Where most of production is; 0: dense. @param {import('./phase-record.mjs').Production} production */
function mostOf({ threshold, share, rest }) {
  return share > 0.5 ? threshold : rest;
}

/** @type {(traffic: Traffic, threshold: number, promise: ReturnType<typeof promiseOf>) => { sparsity: number, oracle: number, belowFirstBad: number, endLoss: number }} */
function harvestOf(traffic, threshold, { truth, allowed }) {
  return {
    sparsity: traffic.sparsity(threshold),
    oracle: traffic.sparsity(traffic.oracle(truth, allowed)),
    belowFirstBad: traffic.sparsity(traffic.belowFirstBad(truth, allowed)),
    endLoss: traffic.rate(truth, threshold),
  };
}
