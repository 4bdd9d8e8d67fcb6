// Settings of the loop under test, and what they promise.
import { parseConfig } from '../../../dist/config/schema.js';
import { controlOptionsOf } from '../../../dist/control/phases/options.js';

/**
 * @typedef {import('../../../dist/config/schema.js').Config} Config
 * @typedef {import('../../../dist/config/schema.js').ConfigInput} ConfigInput
 * @typedef {import('./recorded.mjs').Truth} Truth
 */

/** Settings of the server; they are its defaults where a scenario does not say otherwise. @param {ConfigInput} [settings] @returns {Config} */
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
