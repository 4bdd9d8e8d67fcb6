#pragma once
#include "../kernels/pack.h"
#include "gate.h"

namespace taustat {

/**
 * Conv without groups whose gated and zero activations cost nothing. Inputs: X, W (constant), B (constant, optional),
 * thresholds (optional; see `Thresholds`, a row is an image), Z (optional; added before the activation, in the layout of Y).
 */
class SparseConv {
 public:
  static constexpr const char* kName = "SparseConv";
  static constexpr size_t kInputs = 5, kRequired = 2;
  static constexpr int kOutputType = ort::kFloat;

  SparseConv(const Attributes& attributes, const Environment& environment);
  void compute(Run& run) const;

 private:
  void convolve(const Run& run, const Conv& op) const;

  const Environment& environment_;
  Gate gate_;
  /** Shape and weights; tensors and sizes come with a run. */
  Conv shape_{};
  std::shared_ptr<const Pack> pack_;
  bool hasBias_;
};

}  // namespace taustat
