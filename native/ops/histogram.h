#pragma once
#include <atomic>

#include "operator.h"

namespace taustat {

/**
 * The magnitudes of X as the estimator bins them (src/estimator/bins.ts). Output, float64 [4 + 2·bins]:
 *
 *   bins · first bin, a multiple of 64 · zeros (bin 0) · NaN and infinities · counts [bins] · Σ residuals [bins]
 *
 * `bins`, which tells where the next one begins in a row of histograms, is a multiple of 64, and 0 where every magnitude is zero or not finite. All numbers are integers.
 *
 * Attribute `sample`, by default 0: of a tensor that has at least twice as many elements, about so many are looked at. One block
 * of 64 stands for 2 to 16 neighbouring ones; which, changes from block to block and from run to run. Counts then add up to the
 * elements all the same. 0: every element is looked at.
 */
class Histogram {
 public:
  static constexpr const char* kName = "Histogram";
  static constexpr size_t kInputs = 1, kRequired = 1;
  static constexpr int kOutputType = ort::kDouble;

  Histogram(const Attributes& attributes, const Environment& environment);
  void compute(Run& run) const;

 private:
  const Kernels* kernels_;
  int64_t sample_;
  /** The operator has run so often. */
  mutable std::atomic<uint32_t> runs_{0};
};

/**
 * The magnitudes that pass a site's gate, binned as `Histogram` does, for each row of the batch by itself: a server that joins requests
 * can cut them apart again. Inputs: X, thresholds (optional), the rows that are measured (optional; [N, 1] or [1, 1], not 0 where one is).
 * Output, float64 [N, 4 + 2·bins], a row as `Histogram` puts it out; all have the same bins. A row that is not measured has zeros, and
 * where none is there are no bins: that costs next to nothing.
 *
 * Attributes: `site`, whose threshold makes zeros of what is below it (−1: none does); `row_axis`, by default 0, as of SparseMatMul,
 * or −1: all rows are one; `layout`, nchw or bordered; `channels`, of a bordered X.
 */
class RowHistograms {
 public:
  static constexpr const char* kName = "RowHistograms";
  static constexpr size_t kInputs = 3, kRequired = 1;
  static constexpr int kOutputType = ort::kDouble;

  RowHistograms(const Attributes& attributes, const Environment& environment);
  void compute(Run& run) const;

 private:
  const Kernels* kernels_;
  int64_t site_, rowAxis_, channels_;
  bool isBordered_;
};

}  // namespace taustat
