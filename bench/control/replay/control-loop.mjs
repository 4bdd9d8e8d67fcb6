// @ts-check
// The only file that knows the controller: sampler, shadow runs and thermostat as the server connects them.
import { parseConfig } from '../../../dist/config.js';
import { stateName } from '../../../dist/control/state.js';
import { Thermostat } from '../../../dist/control/thermostat.js';
import { Sampler } from '../../../dist/sampling/sampler.js';
import { shadow } from '../../../dist/sampling/shadow.js';
import { inputsOf } from './recorded-runtime.mjs';

/**
 * @typedef {import('../../../dist/config.js').Config} Config
 * @typedef {import('../../../dist/sampling/shadow.js').ShadowSample} ShadowSample
 * @typedef {import('./traffic.mjs').Item} Item
 * @typedef {import('./recorded.mjs').Truth} Truth
 */

/**
 * Settings of the server, where a scenario does not say otherwise.
 *
 * @param {{ policy?: 'guarded' | 'earliest', config?: any }} [settings]
 */
export function configOf({ policy: _policy, config = {} } = {}) {
  return parseConfig(config);
}

/** What the controller promises: the truth that it is about, and how much of it may be lost. @param {Config} config @returns {{ truth: Truth, allowed: number }} */
export function promiseOf({ agreement }) {
  return { truth: agreement.measure === 'cosine' ? 'cosine' : 'top1', allowed: 1 - agreement.floor };
}

/** Sampled requests between two false alarms of drift, as configured; null when that cannot be configured. @param {Config} _config @returns {number | null} */
export function runLengthOf(_config) {
  return null;
}

const ALARMS = new Set(['drift', 'disagreement', 'failure']);

/** The loop of one model. */
export class ControlLoop {
  #thermostat;
  #sampler;
  #runtime;
  #options;
  /** Milliseconds that the last estimate took. */
  #estimateMs = 0;

  /**
   * @param {{ sites: number, config: Config, runtime: import('./recorded-runtime.mjs').RecordedRuntime }} options
   */
  constructor({ sites, config, runtime }) {
    this.#runtime = runtime;
    this.#sampler = new Sampler(config.sampling);
    this.#options = { sites, outputs: ['logits'], agreement: config.agreement };
    this.#thermostat = new Thermostat({
      sites,
      config,
      onTimed: (_, ms) => {
        this.#estimateMs += ms;
      },
    });
  }

  /** What one production request is answered at. @param {string} _id */
  thresholdFor(_id) {
    return this.#thermostat.applied;
  }

  /** @type {(id: string, nowMs: number) => boolean} */
  isSampled(id, nowMs) {
    return this.#sampler.decide(id, nowMs, this.#runtime.busy) === 'sample';
  }

  /** A sampled request in the shadow. @type {(item: Item, threshold: number) => Promise<ShadowSample | 'dropped'>} */
  look(item, threshold) {
    const served = {
      inputs: inputsOf(item),
      outputs: item.recorded.outputs(this.#runtime.indexFor(item, threshold), item.row),
      threshold,
    };
    return shadow(this.#runtime, served, this.#thermostat.judged, this.#options);
  }

  /**
   * What a shadow run has shown goes to the controller.
   *
   * @param {ShadowSample} sample
   * @returns {{ ms: number, estimateMs: number, isPair: boolean }} time in all, time of estimating in it, and whether answers were compared.
   */
  add(sample) {
    this.#estimateMs = 0;
    const started = performance.now();
    this.#thermostat.add(sample);
    const isPair = sample.judged !== null && sample.judged.comparison !== null;
    return { ms: performance.now() - started, estimateMs: this.#estimateMs, isPair };
  }

  /** What production is heading for, as far as it has come. */
  get production() {
    const { state, applied } = this.#thermostat;
    return {
      /** 0: dense. */
      threshold: applied,
      /** Share of requests that are pruned. */
      share: applied === 0 ? 0 : 1,
      state: stateName(state),
      reason: state.change.reason,
      detail: state.change.detail,
      /** Whether the loop has come to rest. */
      isSettled: state.phase.kind === 'tracking' || state.phase.kind === 'featureless',
      isTrying: state.phase.kind === 'trial' || state.phase.kind === 'tracking',
      isAlarmed: ALARMS.has(state.change.reason) && state.phase.kind !== 'trial',
    };
  }

  close() {
    this.#thermostat.close();
  }
}
