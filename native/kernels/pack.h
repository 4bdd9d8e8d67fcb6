#pragma once
#include <memory>
#include <vector>

#include "kernels.h"

namespace taustat {

/** Packed weights and the memory that they lie in. */
class Pack {
 public:
  /** W [depth, columns], or [columns, depth] if transposed; bias [columns] or null. */
  static std::shared_ptr<const Pack> ofMatMul(const float* w, const float* bias, int depth, int columns, bool isTransposed);
  /** W [columns, channels, kernelHeight, kernelWidth] as ONNX has it. */
  static std::shared_ptr<const Pack> ofConv(const float* w, const float* bias, int columns, int channels, int kernelHeight,
                                            int kernelWidth);
  Pack(int depth, int columns, const float* bias);
  ~Pack();
  Pack(const Pack&) = delete;
  Pack& operator=(const Pack&) = delete;

  const Weights& weights() const { return weights_; }

 private:
  template <typename At>
  void fill(At at);

  Weights weights_;
  std::vector<int> panelBegin_;
  float* values_ = nullptr;
  float* bias_ = nullptr;
};

}  // namespace taustat
