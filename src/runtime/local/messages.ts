import type { MessagePort } from 'node:worker_threads';
import type { ActivationHistogram } from '../../estimator/histogram.ts';
import type { SiteOptions } from '../../onnx/sites.ts';
import type { Tensor } from '../../protocol/types.ts';
import type { Measure, RetainedAtSite } from '../measure.ts';
import type { DenseInstead } from '../runtime.ts';
import type { Kernels } from './kernels.ts';

/** What a worker needs to open its sessions; the same for every worker of a model. Bytes may be in shared memory. */
export interface WorkerSetup {
  /** The model as given. */
  readonly plain: Uint8Array;
  /** The model with gates and taps; absent if it has no site. */
  readonly gated?: Uint8Array;
  /** Names of the tap outputs of the gated model, in site order. */
  readonly taps: readonly string[];
  /** The sites' tensors in site order, if the kernels can make histograms of all of them: all are float32. */
  readonly observable?: readonly string[];
  /** Folder of external weights; absent for a model in one file. */
  readonly externalFolder?: string | undefined;
  readonly intraOpThreads: number;
  /** The model rewritten by its plan, with operators that skip zeros; absent: no plan, or none that saves time. */
  readonly sparse?: Uint8Array;
  /** The kernels of those operators; absent: there are none. */
  readonly kernels?: Kernels | undefined;
  /** A threshold that production keeps for long: the worker opens a session with it as a constant. */
  readonly baked?: BakedThreshold;
}

/** What a worker thread gets at its start. */
export interface WorkerData {
  readonly setup: WorkerSetup;
  /** Port for its messages. */
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
  /** Whether a pruned answer that is not finite is returned as it is; else the dense one replaces it. */
  readonly isShadow: boolean;
}

export type ToWorker =
  | RunMessage
  /** The last message: the worker finishes what it got before, then ends. */
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
  /** Idle time of the worker before this run. */
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
      /** It was stopped by `stopRuns`. */
      readonly isStopped: boolean;
    };
