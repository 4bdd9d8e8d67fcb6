import type { SiteScheme } from '../../dist/config/site-schemes.js';
import type { Times } from './arms.mjs';
import type { Found } from './threshold.mjs';

/** A way of serving sparse layers, against plain onnxruntime-node. */
export interface Sparse {
  /** Linear layers that skip zeros, of all; 0: pruning does not pay, and the plain model is served. */
  readonly sparseLayers: number;
  readonly layers: number;
  /** What the planner measured for its best set of layers, against the plain model through the same binding. */
  readonly planned: { readonly ratio: number; readonly low: number; readonly high: number } | null;
  /** Share of the multiplications of the sparse layers that they leave out, 0–1; 0 where there are none. */
  readonly macsSkipped: number;
  /** Of one run; the plain model's through the addon where that is served. */
  readonly us: Times;
}

/** Sparse layers at a threshold. */
export interface Pruned extends Sparse, Pick<Found, 'threshold' | 'sparsity' | 'loss'> {
  /** Sites that are pruned, of all. */
  readonly gatedSites: number;
  readonly sites: number;
}

/** Requests of one size. */
export interface AtBatch {
  readonly rows: number;
  readonly plainUs: Times;
  /** The plain model through the addon. */
  readonly bindingUs: Times;
  /** The same, making the histograms of its sites as it runs: a shadow run. */
  readonly observedUs: Times;
  /** τ = 0: exact zeros only. */
  readonly lossless: Sparse;
  /** At the threshold; null where there is none. */
  readonly pruned: Pruned | null;
}

/** One model, measured. */
export interface Row extends Pick<Found, 'measure' | 'zeroRatio'> {
  readonly name: string;
  readonly batches: readonly AtBatch[];
}

/** What a row is measured with. */
export interface Job {
  readonly name: string;
  readonly model: string;
  readonly inputs: readonly string[];
  readonly sizes: readonly number[];
  /** Rows that the loss of a threshold is measured on. */
  readonly held: number;
  readonly rounds: number;
  readonly milliseconds: number;
  /** Of each session, plain or sparse. */
  readonly threads: number;
  readonly scheme: SiteScheme;
}

/** The file that `--json` writes. */
export interface Report {
  readonly onnxruntime: string;
  readonly kernels: string;
  readonly cpu: string;
  readonly rounds: number;
  readonly threads: number;
  readonly scheme: SiteScheme;
  readonly held: number;
  readonly rows: readonly Row[];
}
