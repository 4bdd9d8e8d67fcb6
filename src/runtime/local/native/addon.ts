/**
 * The addon of `native/`: sessions of ONNX Runtime, in the library that onnxruntime-node has loaded, with the operators of
 * `ai.taustat`.
 *
 *   const addon = …                                  // `load()` of load.ts
 *   addon.init(libraryPath, 'auto')                  // once per thread; onnxruntime-node must be imported before
 *   const session = addon.createSession(bytes, { intraOpThreads: 1 })
 *   addon.run(session, inputs, ['y'])                // blocks this thread
 *   addon.terminate(id)                              // from any thread of the process: id = addon.sessionId(session)
 *   addon.counts(session); addon.release(session)
 *
 * Every function throws an Error with ONNX Runtime's message where something fails. A session is released when it is
 * collected, or by `release`; it serves one thread.
 *
 * **Operators** (domain `ai.taustat`, version 1). `thresholds` is the model's input `taustat_threshold`, float [S] for all rows of
 * the batch, or [N, S] with a row for each. A site of −1, or no thresholds: no gate. W and B must be constant and finite. Exact zeros are skipped always, NaN passes.
 *
 * | operator | inputs | attributes | output |
 * |---|---|---|---|
 * | SparseConv | X, W [M, C, R, S], B?, thresholds?, Z? (shape of Y, added before the activation) | strides [2], pads [4], dilations [2], input_site, output_site, activation none·relu·clip, min, max, input_layout, output_layout nchw·bordered | Y |
 * | SparseMatMul | X [..., K], W [K, N], B?, thresholds? | transB (W is [N, K]), row_axis (of X: has the batch), input_site, output_site, activation, min, max | Y [..., N] |
 * | Histogram | X, any shape | – | float64 [4 + 2·bins]: bins, first bin, zeros, not finite, counts, Σ residuals; see histogramsOf in histogram-output.ts |
 * | RowHistograms | X, thresholds?, measured rows? [N, 1] or [1, 1] | site (what is below its threshold is 0), row_axis (−1: all rows are one), layout, channels | float64 [N, 4 + 2·bins]: of each row what Histogram puts out, all with the same bins; zeros for a row that is not measured |
 * | ToBordered, FromBordered | X | FromBordered: channels | the other layout |
 * | BorderedMaxPool | X, bordered | kernel, stride (of both axes; no pads) | Y, bordered |
 *
 * *Bordered* is [N, H, W + 2, C rounded up to 16]: channels last, a column of zeros on either side, zeros in the channels
 * beyond the last. Any pads are taken; horizontal ones up to 1 without a copy.
 */
import type { Datatype, Tensor, TensorElements } from '../../../protocol/types.ts';

/** Instruction sets, best first. */
export const KERNELS = ['avx512', 'avx2', 'neon', 'portable'] as const;
export type KernelName = (typeof KERNELS)[number];
export type KernelChoice = KernelName | 'auto';

/** A session; opaque, of the thread that made it. */
export type NativeSessionHandle = { readonly __nativeSession: unique symbol };

export interface NativeTensor {
  readonly name: string;
  /** ONNX's number of the element type. */
  readonly type: number;
  readonly shape: readonly number[];
  /** Over an ArrayBuffer of its own in results, which may be transferred to another thread. */
  readonly elements: Exclude<TensorElements, readonly Uint8Array[]>;
}

export interface NativeSessionOptions {
  readonly intraOpThreads: number;
  /** 'all' by default. */
  readonly optimization?: 'disabled' | 'basic' | 'extended' | 'all';
  /** Folder of a model's external weights, where the model is given as bytes. */
  readonly externalDataFolder?: string;
}

/** What the pruning operators of a session kept since the last call. */
export interface NativeCounts {
  /** Per gated site, summed over the operators that gate there: elements that passed and are not 0, and all. */
  readonly sites: readonly { readonly site: number; readonly kept: number; readonly seen: number }[];
  /** Multiplications done, and those that dense operators in their place would have done. */
  readonly multiplied: number;
  readonly multiplications: number;
}

export interface NativeAddon {
  /** @throws Error if `libraryPath` is not loaded or older than 1.17, or this machine has no such kernels. */
  init(
    libraryPath: string,
    kernels: KernelChoice,
  ): {
    readonly onnxruntime: string;
    readonly kernels: KernelName;
    /** All that this machine can run, best first. */
    readonly available: readonly KernelName[];
  };
  /**
   * @param model - bytes, or the path of a file.
   * @throws Error for models that ONNX Runtime refuses, and for inputs or outputs of strings, sequences or maps: those are onnxruntime-node's.
   */
  createSession(model: Uint8Array | string, options: NativeSessionOptions): NativeSessionHandle;
  names(session: NativeSessionHandle): {
    readonly inputs: readonly string[];
    readonly outputs: readonly string[];
  };
  /** Blocks until done. Inputs are read in place; results are in the order of `outputs`. */
  run(
    session: NativeSessionHandle,
    inputs: readonly NativeTensor[],
    outputs: readonly string[],
  ): NativeTensor[];
  /** Names the session to `terminate`, for as long as the process lives. */
  sessionId(session: NativeSessionHandle): bigint;
  /** From any thread: the run under way fails at its next node, and so do later ones until `reset`. False if the session is gone. */
  terminate(id: bigint): boolean;
  reset(session: NativeSessionHandle): void;
  counts(session: NativeSessionHandle): NativeCounts;
  /** Of the multiplications since the last call of this or `counts`, the share that was left out, 0–1; NaN where there was none. */
  macsSkipped(session: NativeSessionHandle): number;
  release(session: NativeSessionHandle): void;
}

/** ONNX's numbers of the element types. */
const ELEMENT_TYPES: Readonly<Record<Exclude<Datatype, 'BYTES'>, number>> = {
  FP32: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  BOOL: 9,
  FP16: 10,
  FP64: 11,
  UINT32: 12,
  UINT64: 13,
  BF16: 16,
};
const DATATYPES = new Map(
  Object.entries(ELEMENT_TYPES).map(([datatype, type]) => [type, datatype as Datatype]),
);

/**
 * A tensor of the protocol for the addon, over the same elements.
 *
 * @throws TypeError for BYTES.
 */
export function toNativeTensor({ name, datatype, shape, elements }: Tensor): NativeTensor {
  if (datatype === 'BYTES') throw new TypeError(`input '${name}': the native sessions take no strings`);
  return { name, type: ELEMENT_TYPES[datatype], shape, elements: elements as NativeTensor['elements'] };
}

/** A tensor of the protocol from a result. @throws TypeError for an element type that the protocol lacks. */
export function fromNativeTensor({ name, type, shape, elements }: NativeTensor): Tensor {
  const datatype = DATATYPES.get(type);
  if (datatype === undefined) throw new TypeError(`output '${name}' has element type ${type}`);
  return { name, datatype, shape, elements };
}
