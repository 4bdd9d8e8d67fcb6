// @ts-check
// A model's control loop and its traffic, phase by phase, in virtual time.
import { xorshift } from '../../../dist/drift/xorshift.js';
import { steady } from './arrivals.mjs';
import { VirtualClock } from './clock.mjs';
import { ControlLoop, configOf, promiseOf } from './control-loop.mjs';
import { Drifting } from './drifting.mjs';
import { PhaseRecord } from './phase-record.mjs';
import { RecordedRuntime } from './recorded-runtime.mjs';
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
 *   failureRatio?: number,
 *   collapse?: boolean,
 *   clockJumpMs?: number,
 * }} Phase
 * `length` in requests, or until so many sampled requests brought nothing new; `isStart`: the loop has come to rest on this traffic before.
 * @typedef {{ row: string, phases: readonly Phase[], config?: any, latency?: number }} Scenario
 * `latency`: requests between a sampled request and its shadow's outcome.
 * @typedef {import('./control-loop.mjs').ShadowSample} ShadowSample
 * @typedef {{ due: number, sample: ShadowSample, record: PhaseRecord }} Waiting
 */

/** Requests between two points of a trace. */
const TRACE_EVERY = 200;
const MEAN_ARRIVAL_MS = 10;

export class Replayer {
  requests = 0;
  sampled = 0;
  timings = new Timings();
  /** @type {{ request: number, threshold: number, share: number, state: string, sparsity: number, loss: number }[]} */
  trace = [];
  #row;
  #seed;
  #latency;
  #random;
  #runtime;
  #clock = new VirtualClock();
  #truth;
  /** @type {Waiting[]} */
  #waiting = [];

  /** @param {Scenario} scenario @param {number} seed @param {any} [memory] - of a loop that has come to rest. */
  constructor({ row, phases, config: settings, latency = 0 }, seed, memory) {
    const config = configOf(settings);
    this.promise = promiseOf(config);
    this.#row = row;
    this.#seed = seed;
    this.#latency = latency;
    this.#random = xorshift(seed);
    this.#runtime = new RecordedRuntime(xorshift(seed + 7919));
    this.#truth = new TruthMeter(this.promise.truth);
    const { sites } = new Mixture(row, phases[0].traffic).sources[0].recorded;
    this.loop = new ControlLoop({ sites, config, runtime: this.#runtime, memory });
  }

  /** @param {Phase} phase @param {{ isTraced?: boolean, onRequest?: ((n: number) => void) | undefined }} [options] */
  async phase(phase, { isTraced = false, onRequest } = {}) {
    const from = new Mixture(this.#row, phase.traffic, phase.rowLength);
    const traffic = phase.towards ? new Drifting(from, new Mixture(this.#row, phase.towards)) : from;
    const record = new PhaseRecord(phase.name, phase.isDrift === true, this.loop.production);
    const { settled, atMost } =
      typeof phase.length === 'number' ? { settled: Infinity, atMost: phase.length } : phase.length;
    this.#clock.install();
    try {
      this.#clock.jump(phase.clockJumpMs ?? 0);
      this.#runtime.failureRatio = phase.failureRatio ?? 0;
      this.#runtime.stuckAt = phase.collapse ? (from.sources[0].recorded.thresholds.at(-1) ?? null) : null;
      for (let n = 0; n < atMost && !(record.quiet >= settled && record.last.isSettled); n++) {
        if (traffic instanceof Drifting) traffic.progress = n / atMost;
        await this.#request(traffic, record, phase.arrivals ?? steady(MEAN_ARRIVAL_MS));
        onRequest?.(this.requests);
        if (isTraced && this.requests % TRACE_EVERY === 0) this.trace.push(this.#point(traffic));
      }
    } finally {
      this.#clock.uninstall();
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

  /** @type {(traffic: Mixture | Drifting, record: PhaseRecord, arrivals: import('./arrivals.mjs').Arrivals) => Promise<void>} */
  async #request(traffic, record, arrivals) {
    const { loop } = this;
    this.#clock.advance(arrivals(this.#random, this.requests));
    const item = traffic.draw(this.#random);
    const position = loop.position(`${this.#seed}-${this.requests}`);
    const threshold = loop.thresholdAt(position);
    this.#truth.add(traffic, item, threshold === 0 ? 0 : (this.#runtime.stuckAt ?? threshold));
    record.served(traffic.sparsity(threshold));
    const decision = loop.decide(position, this.#clock.monotonicMs);
    loop.answered(item, threshold, this.#clock.monotonicMs);
    this.requests++;
    if (decision === 'sample' || decision === 'extra')
      await this.#look(item, threshold, { position, isExtra: decision === 'extra' }, record);
    while (this.#waiting.length > 0 && this.#waiting[0].due <= this.requests) {
      const { sample, record: own } = /** @type {Waiting} */ (this.#waiting.shift());
      const told = loop.add(sample);
      this.timings.add(told);
      own.saw(loop.production, told.isPair);
    }
  }

  /** @type {(item: import('./traffic.mjs').Item, threshold: number, how: { position: number, isExtra: boolean }, record: PhaseRecord) => Promise<void>} */
  async #look(item, threshold, { position, isExtra }, record) {
    this.sampled++;
    try {
      const sample = await this.loop.look(item, threshold, position, isExtra);
      if (sample === 'dropped') record.failed++;
      else this.#waiting.push({ due: this.requests + this.#latency, sample, record });
    } catch {
      // As in the server: a shadow run that fails is counted, and nothing else.
      record.failed++;
    }
  }

  /** @param {Mixture | Drifting} traffic */
  #point(traffic) {
    const { threshold, share, state } = this.loop.production;
    const sparsity = traffic.sparsity(threshold);
    return { request: this.requests, threshold, share, state, sparsity, loss: this.#truth.means.loss.mean };
  }
}

/** Where most of production is; 0: dense. @param {import('./phase-record.mjs').Production} production */
function mostOf({ threshold, share, rest }) {
  return share > 0.5 ? threshold : rest;
}

/** @type {(traffic: Mixture | Drifting, threshold: number, promise: ReturnType<typeof promiseOf>) => { sparsity: number, oracle: number, endLoss: number }} */
function harvestOf(traffic, threshold, { truth, allowed }) {
  return {
    sparsity: traffic.sparsity(threshold),
    oracle: traffic.sparsity(traffic.oracle(truth, allowed)),
    endLoss: traffic.rate(truth, threshold),
  };
}
