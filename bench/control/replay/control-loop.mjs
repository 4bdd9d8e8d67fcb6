// @ts-check
// The only file that knows the controller: sampler, shadow runs and thermostat as the server connects them.
import { parseConfig } from '../../../dist/config/schema.js';
import { step } from '../../../dist/control/phases/controller.js';
import { controlOptionsOf } from '../../../dist/control/phases/options.js';
import { production, stateName } from '../../../dist/control/phases/production.js';
import { isRamped } from '../../../dist/control/rollout/ramp.js';
import { topTwoMargin } from '../../../dist/loop/comparison/top-two-margin.js';
import { Sampler } from '../../../dist/loop/sampler.js';
import { shadow } from '../../../dist/loop/shadow-run.js';
import { Thermostat } from '../../../dist/loop/thermostat.js';
import { inputsOf } from './recorded-runtime.mjs';

/**
 * @typedef {import('../../../dist/config/schema.js').Config} Config
 * @typedef {import('../../../dist/control/phases/state.js').ControllerState} ControllerState
 * @typedef {import('../../../dist/loop/shadow-run.js').ShadowSample} ShadowSample
 * @typedef {import('./traffic.mjs').Item} Item
 * @typedef {import('./recorded.mjs').Truth} Truth
 */

/** As in src/models/served/served-model.ts. */
const COUNT_EVERY = 4;

/**
 * Settings of the server; they are its defaults where a scenario does not say otherwise.
 *
 * @param {any} [settings]
 */
export function configOf(settings = {}) {
  return parseConfig(settings);
}

/** What the controller promises of class scores: the truth that it is about, and how much of it may be lost. @param {Config} config @returns {{ truth: Truth, allowed: number }} */
export function promiseOf({ agreement: { measure, floor } }) {
  if (measure === 'relative') throw new RangeError('the harness knows no truth about relative errors');
  return { truth: measure === 'auto' ? 'margin' : measure, allowed: 1 - floor };
}

/** How the loop measures drift: requests that a reference is taken from, and those that an average remembers. @param {Config} [config] */
export function driftOptionsOf(config = configOf()) {
  const { window, drift } = config;
  return {
    window: controlOptionsOf(config).warmSamples,
    memory: drift.recentSlices * window.sliceSamples,
  };
}

/** The loop of one model. */
export class ControlLoop {
  #thermostat;
  #sampler;
  #runtime;
  #options;
  #sampled = 0;
  /** Milliseconds that estimates and controller steps took since they were last asked for. */
  #spent = { estimateMs: 0, stepMs: 0 };

  /**
   * @param {{ sites: number, config: Config, runtime: import('./recorded-runtime.mjs').RecordedRuntime, memory?: any }} options
   */
  constructor({ sites, config, runtime, memory }) {
    this.#runtime = runtime;
    this.#sampler = new Sampler(config.sampling);
    this.#options = { sites, outputs: ['logits'], agreement: config.agreement };
    /** @type {ControllerState | undefined} */
    let before;
    this.#thermostat = new Thermostat({
      sites,
      config,
      memory,
      onTimed: (_, ms) => {
        this.#spent.estimateMs += ms;
      },
      onStep: (event, after) => {
        // The controller is pure: the same step once more tells what it costs.
        const started = performance.now();
        if (before !== undefined) step(before, event, this.#thermostat.control);
        this.#spent.stepMs += performance.now() - started;
        before = after;
      },
    });
  }

  /** A request's place in [0, 1). @param {string} id */
  position(id) {
    return this.#sampler.position(id);
  }

  /** What one production request is answered at. @param {number} position */
  thresholdAt(position) {
    return this.#thermostat.thresholdAt(position);
  }

  /** A request was answered. @type {(item: Item, threshold: number, nowMs: number) => void} */
  answered(item, threshold, nowMs) {
    const outputs = item.recorded.outputs(this.#runtime.indexFor(item, threshold), item.row);
    this.#thermostat.answered(threshold, topTwoMargin(outputs, this.#options.agreement), nowMs);
  }

  /** What the sampler makes of a request. @type {(position: number, nowMs: number) => import('../../../dist/loop/sampler.js').Decision} */
  decide(position, nowMs) {
    const interest = this.#thermostat.interestIn(position);
    return this.#sampler.decide(position, nowMs, this.#runtime.busy, interest);
  }

  /** A sampled request in the shadow. @type {(item: Item, threshold: number, position: number, isExtra: boolean) => Promise<ShadowSample | 'dropped'>} */
  look(item, threshold, position, isExtra) {
    const outputs = item.recorded.outputs(this.#runtime.indexFor(item, threshold), item.row);
    const served = {
      ...this.#thermostat.lookAt(position, isExtra),
      inputs: inputsOf(item),
      outputs,
      threshold,
    };
    const counts = this.#sampled++ % COUNT_EVERY === 0;
    return shadow(this.#runtime, served, this.#thermostat.comparedAt(position), { ...this.#options, counts });
  }

  /**
   * What a shadow run has shown goes to the controller.
   *
   * @param {ShadowSample} sample
   * @returns {{ ms: number, estimateMs: number, stepMs: number, isPair: boolean }} time in all, of estimates and of controller steps in it, and whether
   *   answers were compared at what production runs at.
   */
  add(sample) {
    this.#spent = { estimateMs: 0, stepMs: 0 };
    const { threshold } = production(this.#thermostat.state);
    const isPair = sample.judged.some((entry) => entry.threshold === threshold && entry.comparison !== null);
    const started = performance.now();
    this.#thermostat.add(sample);
    return { ms: performance.now() - started, ...this.#spent, isPair };
  }

  /** What production is heading for, and how far it has come. */
  get production() {
    const { state } = this.#thermostat;
    const { threshold, share, rest } = production(state);
    const { phase, change } = state;
    const isTracking = phase.kind === 'tracking';
    return {
      /** 0: dense. */
      threshold,
      /** Share of requests that are answered at it, and where the rest is. */
      share: threshold === 0 ? 0 : share,
      rest,
      state: stateName(state),
      phase: phase.kind,
      reason: change.reason,
      detail: change.detail,
      /** Whether the loop has come to rest. */
      isSettled:
        phase.kind === 'featureless' ||
        (isTracking && phase.search.trial === null && isRamped(phase.applied.ramp)),
      isTrying: phase.kind === 'trial' || isTracking,
      /** Whether its last word was that something is wrong with what was trusted. */
      isAlarmed:
        phase.kind === 'drifted' ||
        phase.kind === 'fallback' ||
        (isTracking && change.reason === 'disagreement' && phase.applied.sinceAlarm === 0),
    };
  }

  /** Enough to go on from in another loop. */
  get memory() {
    return this.#thermostat.memory;
  }

  /** An operator's threshold; the guard may revoke it. @param {number} threshold */
  fix(threshold) {
    this.#thermostat.setMode('fixed', threshold, Date.now());
  }

  close() {
    this.#thermostat.close();
  }
}
