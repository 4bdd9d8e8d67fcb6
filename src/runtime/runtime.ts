import type { ActivationHistogram } from '../estimator/histogram.ts';
import type { Parameters, Tensor } from '../protocol/types.ts';
import type { Measure, RetainedAtSite } from './measure.ts';

export interface Run {
  readonly inputs: readonly Tensor[];
  /** Names of the outputs to return, in this order. */
  readonly outputs: readonly string[];
  /** Threshold per site, shape [S]; absent: the untouched model, bit-identical answers. */
  readonly thresholds?: Float32Array | undefined;
  /** Cancels the run while it waits. */
  readonly signal?: AbortSignal | undefined;
  /** It never shares a run with others. */
  readonly isAlone?: boolean | undefined;
  /** The inputs are used again afterwards, so they must be copied to the worker instead of moved. */
  readonly keepInputs?: boolean;
  /** Of the client's request; a runtime that is no server's client has no use for them. */
  readonly parameters?: Parameters | undefined;
  /** A header of the client's request, as with the parameters. */
  readonly header?: ((name: string) => string | undefined) | undefined;
}

/** A run of sampled traffic. If it measures anything, it has thresholds. */
export interface ShadowRun extends Run {
  readonly measure: Measure;
  /**
   * It goes before other shadow runs and is not dropped when the queue is full: it belongs to a sample under way, or the
   * controller waits for it.
   */
  readonly goesFirst?: boolean;
}

export interface DenseInstead {
  readonly isFinite: boolean;
  /** Why there is no pruned answer at all: nothing is known of it, and nothing against its threshold. */
  readonly missing?: string;
}

export interface RunResult {
  readonly outputs: readonly Tensor[];
  readonly queueMs: number;
  readonly inferMs: number;
  /** Present if the pruned answer was not finite, or missing: `outputs` are the dense ones, which may not be finite either. */
  readonly denseInstead?: DenseInstead | undefined;
  /** Share of multiplications skipped in the layers that skip zeros, 0–1; absent: there are none. */
  readonly macsSkipped?: number | undefined;
  /** Number of requests that shared the run; absent: 1. */
  readonly requests?: number;
  /** The run that requests shared: the same object for each of them. Absent: it had a run of its own. */
  readonly shared?: SharedRun | undefined;
}

/** A run of several requests. */
export interface SharedRun {
  /** Of all its requests. */
  readonly rows: number;
}

export interface ShadowResult extends RunResult {
  /** One per site when `measure` is `histogram` or a tally. */
  readonly histograms: readonly ActivationHistogram[];
  /** One per site when `measure` is `retained`, one per threshold when it is a tally. */
  readonly retained: readonly RetainedAtSite[];
  readonly measureMs: number;
  /** Worker time that it took in milliseconds, messages included. */
  readonly workerMs: number;
}

/**
 * Runs one model. Production always goes before shadow runs, which are dropped before they delay production.
 */
export interface Runtime {
  /**
   * @throws ServingError OVERLOADED when the queue is full, WORKER_LOST when the worker died under the run,
   *   INFERENCE_FAILED when the model refused the inputs, DEADLINE_EXCEEDED when it takes too long, UNAVAILABLE when
   *   closing or stuck.
   */
  run(run: Run): Promise<RunResult>;
  /** Like `run`, but only in otherwise idle time; resolves to `dropped` if there is none. */
  shadow(run: ShadowRun): Promise<ShadowResult | 'dropped'>;
  /**
   * Announces a threshold (0: dense) at which production will stay for long, so that the runtime can make it cheaper in the
   * background. Answers do not wait for that and do not change by it.
   */
  prepare(threshold: number): void;
  /**
   * Runs pruned requests with a rewritten model from now on, which answers the same up to rounding.
   *
   * @param model - as `sparsify` writes it.
   * @returns resolves to true when the model is in use, to false if it cannot be used. Absent: not supported.
   */
  adopt?(model: Uint8Array): Promise<boolean>;
  /**
   * Checks whether a run would be accepted now, before its body is read. Absent: only `run` tells.
   *
   * @throws ServingError OVERLOADED
   */
  checkRoom?(): void;
  readonly isReady: boolean;
  /** Why no run is accepted until a hanging one ends; undefined: none hangs. */
  readonly stuck?: string | undefined;
  /** Production runs that are waiting or under way. */
  readonly pending: number;
  /** Those of them that wait until something is free to run them. */
  readonly waiting: number;
  /** Milliseconds of worker time spent so far, and the number of workers. */
  readonly busy: { readonly productionMs: number; readonly shadowMs: number; readonly workers: number };
  /** Finishes accepted runs, refuses later ones, then stops. */
  close(): Promise<void>;
}
