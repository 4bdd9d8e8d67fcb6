import { type AgreementOptions, type Comparison, compare } from '../control/agreement.ts';
import type { SiteHistograms } from '../estimator/rolling-window.ts';
import type { Tensor } from '../protocol/types.ts';
import type { RetainedAtSite } from '../runtime/messages.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** A request that was answered and is looked at again. */
export interface ServedRequest {
  readonly inputs: readonly Tensor[];
  /** All outputs of the model as they were answered, at `threshold`; absent when only some were asked for. */
  readonly outputs?: readonly Tensor[];
  /** What the answer was computed at; 0 is dense. */
  readonly threshold: number;
}

/** What one sampled request has shown. */
export interface ShadowSample {
  readonly at: number;
  /** Time that binning the magnitudes took. */
  readonly binningMs: number;
  /** Magnitudes at every site, τ = 0. */
  readonly histograms: SiteHistograms;
  /** Pruned against dense at `threshold`; null when there was no threshold to judge. */
  readonly judged: {
    readonly threshold: number;
    readonly comparison: Comparison | null;
    /** The compared answer is the one that the client got. */
    readonly isServed: boolean;
    /** What passed the gates of the pruned run, per site. */
    readonly retained: readonly RetainedAtSite[];
  } | null;
}

export interface ShadowOptions {
  readonly sites: number;
  /** Every output of the model. */
  readonly outputs: readonly string[];
  readonly agreement: AgreementOptions;
}

/**
 * Runs a sampled request again, off the response path: once at τ = 0 with the taps read, and once at the threshold that
 * is to be judged with the activations that pass counted.
 *
 * The answer that was really served is what is judged when it was served at that threshold.
 *
 * @param judgedThreshold - 0: nothing to judge.
 * @throws ServingError when a run failed.
 */
export async function shadow(
  runtime: Runtime,
  served: ServedRequest,
  judgedThreshold: number,
  options: ShadowOptions,
): Promise<ShadowSample | 'dropped'> {
  const { inputs } = served;
  const { outputs, sites } = options;
  const again = { inputs, outputs, keepInputs: true };
  const dense = await runtime.shadow({ ...again, thresholds: new Float32Array(sites), measure: 'histogram' });
  if (dense === 'dropped') return 'dropped';
  const sample = { at: Date.now(), histograms: dense.histograms, binningMs: dense.measureMs };
  if (judgedThreshold === 0) return { ...sample, judged: null };
  const thresholds = new Float32Array(sites).fill(judgedThreshold);
  const pruned = await runtime.shadow({ ...again, thresholds, measure: 'retained' });
  if (pruned === 'dropped') return 'dropped';
  const isServedSo = served.outputs !== undefined && served.threshold === judgedThreshold;
  const answer = isServedSo ? served.outputs : pruned.outputs;
  return {
    ...sample,
    judged: {
      threshold: judgedThreshold,
      comparison: compare(dense.outputs, answer ?? pruned.outputs, options.agreement),
      isServed: isServedSo,
      retained: pruned.retained,
    },
  };
}
