import { THRESHOLD_INPUT } from '../../onnx/names.ts';
import type { Tensor } from '../../protocol/types.ts';

/** An open model, used by one thread. Inputs are named tensors; a gated model's thresholds are one of them. */
export interface Session {
  /** Names of the required inputs: those without a default value. */
  readonly inputNames: readonly string[];
  /**
   * @param outputs - names of the outputs to return, in this order.
   * @throws Error when the model refuses the inputs.
   */
  run(inputs: readonly Tensor[], outputs: readonly string[]): Promise<readonly Tensor[]>;
  /** Frees its memory; no run comes after. */
  release(): Promise<void>;
}

export interface SessionOptions {
  /** Folder of external weights; absent for a model in one file. */
  readonly externalFolder?: string | undefined;
  readonly intraOpThreads: number;
}

/** The thresholds, shape [S], as an input of a gated model. */
export function thresholdInput(thresholds: Float32Array): Tensor {
  return { name: THRESHOLD_INPUT, datatype: 'FP32', shape: [thresholds.length], elements: thresholds };
}
