import type { TensorSpec } from '../protocol/types.ts';

/** How a version of a model is served, as far as Triton's configuration has words for it. */
export interface ModelConfiguration {
  readonly name: string;
  readonly platform: string;
  readonly backend: string;
  /** Which versions of the model are served: the newest, or all. */
  readonly versions: 'latest' | 'all';
  /**
   * Most rows of a request, and of a run that requests share; 0: dimension 0 of the tensors is no batch, or nothing bounds
   * it. Where it is positive, the shapes are those of one row.
   */
  readonly maxBatch: number;
  readonly inputs: readonly TensorSpec[];
  /** Whole shapes, whatever `maxBatch` is. */
  readonly optionalInputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Workers, each of which holds the model. */
  readonly instances: number;
  /** How long a request waits for others to share its run; undefined: requests never share one. */
  readonly batchDelayMs: number | undefined;
  readonly fileName: string;
  /** The file that names the classes of every output; empty: none. */
  readonly labelFileName: string;
}
