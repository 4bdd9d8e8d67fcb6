import { THRESHOLD_INPUT } from '../../onnx/names.ts';
import type { Tensor } from '../../protocol/types.ts';

/** An open model, used by one thread. Inputs are named tensors; a gated model's thresholds are one of them. */
export interface Session {
  /** Names of the inputs that a run must hold: those without a value in the model. */
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
  /** Where external weights are; absent for a model in one file. */
  readonly externalFolder?: string | undefined;
  readonly intraOpThreads: number;
}

/** The input of a gated model that takes one threshold per site. */
export function thresholdInput(thresholds: Float32Array): Tensor {
  return { name: THRESHOLD_INPUT, datatype: 'FP32', shape: [thresholds.length], elements: thresholds };
}
