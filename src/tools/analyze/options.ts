import type { CriticalPointOptions } from '../../criticality/critical-point.ts';
import type { SiteOptions } from '../../onnx/sites.ts';
import type { NpyArray } from '../inputs/npy.ts';
import type { InputSource } from '../inputs/recorded-inputs.ts';
import type { Rule } from './analysis.ts';

/** How far an analysis has come. */
export interface Progress {
  readonly step: 'dense' | 'full' | 'critical' | 'objective';
  /** Rows done and to do; over all thresholds in the full evaluation. */
  readonly done: number;
  readonly total: number;
}

/** What is analyzed, on which inputs, and how thoroughly. Everything has a default. */
export interface AnalyzeOptions extends InputSource {
  /** `.npy` file with one class per row. */
  readonly labels?: string | NpyArray | undefined;
  /** Also run the pruned model at every threshold. */
  readonly full?: boolean | undefined;
  readonly rule?: Rule | undefined;
  readonly criticalPoint?: Partial<CriticalPointOptions> | undefined;
  readonly sites?: Partial<SiteOptions> | undefined;
  /** Evaluate F at exactly these thresholds, instead of a linear grid. */
  readonly thresholds?: readonly number[] | undefined;
  /** Thresholds of the linear grid; 40 by default. */
  readonly steps?: number | undefined;
  /** The threshold that the sparsity of sites is told for; by default the critical one. `within`: the largest within the objective, see `judgedThreshold`. */
  readonly sparsityAt?: number | 'within' | undefined;
  /** Most rows in one run; 32 by default. */
  readonly batch?: number | undefined;
  /** Use only the first rows. */
  readonly limit?: number | undefined;
  /** Worker threads; by default one for each core. */
  readonly workers?: number | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}
