// @ts-check
// One scenario with one seed, in virtual time.
import { xorshift } from '../../../dist/random.js';
import { steady } from './arrivals.mjs';
import { VirtualClock } from './clock.mjs';
import { ControlLoop, configOf, promiseOf, runLengthOf } from './control-loop.mjs';
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
 *   isDrift?: boolean,
 *   arrivals?: import('./arrivals.mjs').Arrivals,
 *   failureRatio?: number,
 *   collapse?: boolean,
 *   clockJumpMs?: number,
 * }} Phase
 * `length` in requests, or until so many sampled requests brought nothing new.
 * @typedef {{ row: string, phases: readonly Phase[], config?: any, latency?: number }} Replay
 * `latency`: requests between a sampled request and its shadow's outcome.
 */

/** Requests between two points of a trace. */
const TRACE_EVERY = 200;

/** @param {Replay} replay @param {number} seed @param {{ trace?: boolean, onRequest?: (n: number) => void }} [options] */
export async function run(
  { row, phases, config: settings, latency = 0 },
  seed,
  { trace = false, onRequest } = {},
) {
  const config = configOf(settings);
  const promise = promiseOf(config);
  const random = xorshift(seed);
  const runtime = new RecordedRuntime(xorshift(seed + 7919));
  const clock = new VirtualClock();
  const sites = new Mixture(row, phases[0].traffic).sources[0].recorded.sites;
  const truth = new TruthMeter(promise.truth);
  const timings = new Timings();
  const records = [];
  const points = [];
  let request = 0;
  let sampled = 0;
  clock.install();
  const loop = new ControlLoop({ sites, config, runtime });
  /** @type {{ due: number, sample: import('./control-loop.mjs').ShadowSample, record: PhaseRecord }[]} */
  const waiting = [];
  const deliver = () => {
    while (waiting.length > 0 && waiting[0].due <= request) {
      const { sample, record } = /** @type {(typeof waiting)[0]} */ (waiting.shift());
      const told = loop.add(sample);
      timings.add(told);
      record.saw(loop.production, told.isPair);
    }
  };
  try {
    for (const phase of phases) {
      const from = new Mixture(row, phase.traffic);
      const traffic = phase.towards ? new Drifting(from, new Mixture(row, phase.towards)) : from;
      const record = new PhaseRecord(phase.name, phase.isDrift === true, loop.production);
      const arrivals = phase.arrivals ?? steady(10);
      const { settled, atMost } =
        typeof phase.length === 'number' ? { settled: Infinity, atMost: phase.length } : phase.length;
      clock.jump(phase.clockJumpMs ?? 0);
      runtime.failureRatio = phase.failureRatio ?? 0;
      runtime.stuckAt = phase.collapse ? (from.sources[0].recorded.thresholds.at(-1) ?? null) : null;
      for (let n = 0; n < atMost && !(record.quiet >= settled && record.last.isSettled); n++) {
        clock.advance(arrivals(random, request));
        if (traffic instanceof Drifting) traffic.progress = n / atMost;
        const item = traffic.draw(random);
        const id = `${seed}-${request}`;
        const threshold = loop.thresholdFor(id);
        truth.add(traffic, item, threshold === 0 ? 0 : (runtime.stuckAt ?? threshold));
        record.served(threshold === 0 ? 0 : traffic.sparsity(threshold));
        request++;
        if (loop.isSampled(id, clock.monotonicMs)) {
          sampled++;
          const sample = await loop.look(item, threshold).catch(() => /** @type {const} */ ('failed'));
          if (sample === 'failed' || sample === 'dropped') record.failed++;
          else waiting.push({ due: request + latency, sample, record });
        }
        deliver();
        onRequest?.(request);
        if (trace && request % TRACE_EVERY === 0) points.push(pointOf());
      }
      records.push({
        ...record.summary,
        worst: truth.take(),
        ...harvestOf(traffic, record.last.threshold, promise),
      });

      function pointOf() {
        const { threshold, share, state } = loop.production;
        const { loss, disagreement } = truth.means;
        return {
          request,
          sampled,
          threshold,
          share,
          state,
          sparsity: traffic.sparsity(threshold),
          loss: loss.mean,
          disagreement: disagreement.mean,
        };
      }
    }
  } finally {
    loop.close();
    clock.uninstall();
  }
  return {
    seed,
    promise,
    runLength: runLengthOf(config),
    requests: request,
    sampled,
    phases: records,
    timings: timings.summary,
    trace: points,
  };
}

/** @type {(traffic: Mixture | Drifting, threshold: number, promise: ReturnType<typeof promiseOf>) => { sparsity: number, oracle: number, endLoss: number }} */
function harvestOf(traffic, threshold, { truth, allowed }) {
  return {
    sparsity: traffic.sparsity(threshold),
    oracle: traffic.sparsity(traffic.oracle(truth, allowed)),
    endLoss: traffic.rate(truth, threshold),
  };
}
