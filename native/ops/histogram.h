#pragma once
#include "operator.h"

namespace taustat {

/**
 * The magnitudes of X as the estimator bins them (src/estimator/bins.ts). Output, float64 [3 + 2·bins]:
 *
 *   first bin, a multiple of 64 · zeros (bin 0) · NaN and infinities · counts [bins] · Σ residuals [bins]
 *
 * `bins` is a multiple of 64, and 0 where every magnitude is zero or not finite. All numbers are integers, and exact.
 */
class Histogram {
 public:
  static constexpr const char* kName = "Histogram";
  static constexpr size_t kInputs = 1, kRequired = 1;
  static constexpr int kOutputType = ort::kDouble;

  Histogram(const Attributes&, const Environment& environment) : kernels_(environment.kernels) {}
  void compute(Run& run) const;

 private:
  const Kernels* kernels_;
};

}  // namespace taustat
