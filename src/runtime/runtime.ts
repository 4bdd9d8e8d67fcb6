import type { ActivationHistogram } from '../estimator/histogram.ts';
import type { Tensor } from '../protocol/types.ts';
import type { Measure, RetainedAtSite } from './measure.ts';

export interface Run {
  readonly inputs: readonly Tensor[];
  /** Names of the outputs to return, in this order. */
  readonly outputs: readonly string[];
  /** Threshold per site, shape [S]; absent: the untouched model, bit-identical answers. */
  readonly thresholds?: Float32Array | undefined;
  /** The run stays out of the queue once this is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** It never shares a run with others. */
  readonly isAlone?: boolean | undefined;
  /** The inputs are used again afterwards, so they must be copied to the worker instead of moved. */
  readonly keepInputs?: boolean;
}

/** With a measure, the run has thresholds. */
export interface ShadowRun extends Run {
  readonly measure: Measure;
  /**
   * It goes before others, and is not dropped for want of room: it goes on with what was begun, or is what the controller waits
   * for.
   */
  readonly goesFirst?: boolean;
}

export interface DenseInstead {
  readonly isFinite: boolean;
}

export interface RunResult {
  readonly outputs: readonly Tensor[];
  readonly queueMs: number;
  readonly inferMs: number;
  /** Present where the pruned answer was not finite: this is the dense one, which may be as little. */
  readonly denseInstead?: DenseInstead | undefined;
  /** Share of the multiplications that the run left out, 0–1, of the layers that skip zeros; absent: none does. */
  readonly macsSkipped?: number | undefined;
  /** Requests that shared the run; absent: it had the run to itself. */
  readonly riders?: number;
}

export interface ShadowResult extends RunResult {
  /** One per site when `measure` is `histogram` or a tally. */
  readonly histograms: readonly ActivationHistogram[];
  /** One per site when `measure` is `retained`, one per threshold when it is a tally. */
  readonly retained: readonly RetainedAtSite[];
  readonly measureMs: number;
  /** Time of a worker that it took, messages included. */
  readonly workerMs: number;
}

/**
 * Runs one model. Production always goes before shadow work; shadow work is dropped before production is delayed.
 * Implementations: worker threads in this process; an upstream server can implement the same.
 */
export interface Runtime {
  /**
   * @throws ServingError OVERLOADED when the queue is full, WORKER_LOST when the worker died under the run,
   *   INFERENCE_FAILED when the model refused the inputs, DEADLINE_EXCEEDED when it takes too long, UNAVAILABLE when
   *   closing or stuck.
   */
  run(run: Run): Promise<RunResult>;
  /** As `run`, but only in otherwise idle time: resolves to `dropped` when there is none. */
  shadow(run: ShadowRun): Promise<ShadowResult | 'dropped'>;
  /**
   * Production is about to stay at this threshold (0: dense) at every site for long, so it may be made cheaper in the
   * background. Answers do not wait for that, and are the same before and after.
   */
  prepare(threshold: number): void;
  /**
   * Runs pruned requests by a rewritten model from now on, up to rounding the same.
   *
   * @param model - as `sparsify` writes it.
   * @returns resolves to whether it does, once it does; absent: it cannot.
   */
  adopt?(model: Uint8Array): Promise<boolean>;
  /**
   * Whether a run would be let in now, before anything is spent on it; absent: that shows when it is run.
   *
   * @throws ServingError OVERLOADED
   */
  checkRoom?(): void;
  readonly isReady: boolean;
  /** Why no run is taken until one ends that does not; undefined: nothing stands in the way for long. */
  readonly stuck?: string | undefined;
  /** Production runs that are waiting or under way. */
  readonly pending: number;
  /** Milliseconds of worker time spent so far, and the number of workers. */
  readonly busy: { readonly productionMs: number; readonly shadowMs: number; readonly workers: number };
  /** Finishes what was accepted, refuses what comes after, then stops. */
  close(): Promise<void>;
}
