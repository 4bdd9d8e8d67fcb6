import type { SiteOptions } from '../../onnx/sites.ts';
import type { GatedBy, GatedSites } from '../../onnx/sparse/sparsify.ts';
import type { Tensor } from '../../protocol/types.ts';
import type { Layer } from '../../sparse/candidates.ts';
import type { Kernels } from './kernels.ts';
import type { WorkerSetup } from './messages.ts';

/** What the thread that times a model's sparse forms gets at its start. */
export interface PlanSetup extends Pick<WorkerSetup, 'plain' | 'externalFolder' | 'intraOpThreads'> {
  readonly sites: SiteOptions;
  readonly gated: GatedSites;
  readonly kernels: Kernels;
}

/** A linear layer of a model, and whether it can be sparse. */
export interface LayerReport {
  readonly name: string;
  readonly op: string;
  /** Why it cannot be sparse; absent if it can. */
  readonly reason?: string;
}

export type ToPlanner =
  /** Runs the plain model (A) and the one with a set of sparse layers (B), in the order A B B A. */
  | {
      readonly kind: 'round';
      readonly set: readonly number[];
      readonly inputs: readonly Tensor[];
      readonly outputs: readonly string[];
      readonly thresholds: Float32Array;
    }
  | { readonly kind: 'rewrite'; readonly set: readonly number[] }
  | { readonly kind: 'stop' };

/** Mean milliseconds of one run in a round. */
export interface Round {
  readonly plainMs: number;
  readonly sparseMs: number;
}

export type FromPlanner =
  | { readonly kind: 'ready'; readonly layers: readonly Layer[]; readonly reports: readonly LayerReport[] }
  | ({ readonly kind: 'round' } & Round)
  | { readonly kind: 'rewritten'; readonly model: Uint8Array; readonly gatedBy: readonly GatedBy[] }
  | { readonly kind: 'failed'; readonly message: string };
