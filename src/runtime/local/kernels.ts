/** What it takes to run sparse operators in this process. */
export interface Kernels {
  /** Path of the addon. */
  readonly addon: string;
  /** Path of the ONNX Runtime that onnxruntime-node has loaded. */
  readonly library: string;
  /** Which instructions the kernels use: `avx512`, `avx2`, `neon`, `portable`. */
  readonly isa: string;
}
