import type { TensorSpec } from '../protocol/types.ts';

/** How a version of a model is served: the parts of Triton's model configuration that apply. */
export interface ModelConfiguration {
  readonly name: string;
  readonly platform: string;
  readonly backend: string;
  /** Which versions of the model are served: the newest, or all. */
  readonly versions: 'latest' | 'all';
  /**
   * Most rows of a request, and of a shared run. 0: dimension 0 of the tensors is no batch, or is unbounded. If positive,
   * the shapes are those of one row.
   */
  readonly maxBatch: number;
  readonly inputs: readonly TensorSpec[];
  /** With whole shapes, even if `maxBatch` is positive. */
  readonly optionalInputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Number of workers; each holds the model. */
  readonly instances: number;
  /** Longest wait of a request for others to share its run, in milliseconds; undefined: runs are never shared. */
  readonly batchDelayMs: number | undefined;
  readonly fileName: string;
  /** Text by key, for who controls the model from outside. */
  readonly parameters: Readonly<Record<string, string>>;
  /** The file with the names of the classes; empty: none. */
  readonly labelFileName: string;
}
