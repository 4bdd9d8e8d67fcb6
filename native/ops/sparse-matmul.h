#pragma once
#include "../kernels/pack.h"
#include "gate.h"

namespace taustat {

/**
 * X [..., K] · W [K, N] + B whose gated and zero activations cost nothing. Inputs: X, W (constant; [N, K] with `transB`),
 * B (constant, optional), thresholds (optional; see `Thresholds`). Attribute `row_axis`, by default 0: the dimension of X that has
 * one entry for each row of the batch.
 */
class SparseMatMul {
 public:
  static constexpr const char* kName = "SparseMatMul";
  static constexpr size_t kInputs = 4, kRequired = 2;
  static constexpr int kOutputType = ort::kFloat;

  SparseMatMul(const Attributes& attributes, const Environment& environment);
  void compute(Run& run) const;

 private:
  void multiply(const Run& run, const MatMul& op) const;

  const Environment& environment_;
  Gate gate_;
  std::shared_ptr<const Pack> pack_;
  bool hasBias_;
  int64_t rowAxis_;
};

}  // namespace taustat
