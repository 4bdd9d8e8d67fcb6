import type { MessagePort } from 'node:worker_threads';
import type { ActivationHistogram } from '../../estimator/histogram.ts';
import type { SiteOptions } from '../../onnx/sites.ts';
import type { Tensor } from '../../protocol/types.ts';
import type { Measure, RetainedAtSite } from '../measure.ts';
import type { DenseInstead } from '../runtime.ts';
import type { Kernels } from './kernels.ts';

/** What a worker needs to open its sessions; the same for every worker of a model. Bytes may be in shared memory. */
export interface WorkerSetup {
  /** The model as it was given: answers from it are bit-identical to the plain model's. */
  readonly plain: Uint8Array;
  /** The gated and tapped model; absent when the model has no gateable site. */
  readonly gated?: Uint8Array;
  /** Names of the tap outputs of the gated model, in site order. */
  readonly taps: readonly string[];
  /** The sites’ tensors, in their order, where the kernels can make histograms of all of them: all are float32. */
  readonly observable?: readonly string[];
  /** Where external weights are; absent for a model in one file. */
  readonly externalFolder?: string | undefined;
  readonly intraOpThreads: number;
  /** The model as its plan rewrites it, for the kernels; absent: no plan, or none that pays. */
  readonly sparse?: Uint8Array;
  /** The kernels to run it with; absent: there are none. */
  readonly kernels?: Kernels | undefined;
  /** A threshold that production stays at for long: the worker bakes it into a session of its own. */
  readonly baked?: BakedThreshold;
}

/** What a worker thread begins with. */
export interface WorkerData {
  readonly setup: WorkerSetup;
  /** Where its messages go. */
  readonly answers: MessagePort;
}

export interface BakedThreshold {
  readonly threshold: number;
  readonly sites: SiteOptions;
}

export interface RunMessage {
  readonly kind: 'run';
  readonly id: number;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly string[];
  /** Threshold per site, shape [S]; absent: the plain model. */
  readonly thresholds?: Float32Array | undefined;
  readonly measure: Measure;
  /** Whether a pruned answer that is not finite is shown as it is; else the dense one takes its place. */
  readonly isShadow: boolean;
}

export type ToWorker =
  | RunMessage
  /** No run comes after this: what was sent before is finished, then the worker ends. */
  | { readonly kind: 'stop' };

export interface RunDone {
  readonly kind: 'done';
  readonly id: number;
  readonly outputs: readonly Tensor[];
  readonly histograms: readonly ActivationHistogram[];
  readonly retained: readonly RetainedAtSite[];
  readonly inferMs: number;
  readonly measureMs: number;
  readonly denseInstead?: DenseInstead | undefined;
  /** See `RunResult`. */
  readonly macsSkipped?: number | undefined;
  /** How long the worker had nothing to do before this run. */
  readonly idleMs: number;
}

export type FromWorker =
  | {
      readonly kind: 'ready';
      /** Ids of the sessions whose runs can be stopped; see `NativeAddon.terminate`. */
      readonly stoppable: readonly bigint[];
    }
  | { readonly kind: 'unusable'; readonly message: string }
  | RunDone
  | {
      readonly kind: 'failed';
      readonly id: number;
      readonly message: string;
      /** It was ended by `stopRuns`. */
      readonly isStopped: boolean;
    };
