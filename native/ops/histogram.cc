#include "histogram.h"

#include <algorithm>
#include <memory>

namespace taustat {
namespace {

constexpr int kOctave = 64;
constexpr int kNonFiniteBin = 0x7f800000 >> 17;
constexpr uint64_t kResiduals = (uint64_t{1} << 40) - 1;

/** Cells of this thread, all 0 between two runs. */
uint64_t* cellsOfThisThread() {
  static thread_local std::unique_ptr<uint64_t[]> cells(new uint64_t[kHistogramBins * kHistogramLanes]());
  return cells.get();
}

bool isEmpty(const uint64_t* cells, int bin) {
  const uint64_t* at = cells + static_cast<size_t>(bin) * kHistogramLanes;
  return (at[0] | at[1] | at[2] | at[3]) == 0;
}

/** Sums of one or more chunks, [bins] from `first` on. */
struct Window {
  int first = kHistogramBins;
  int last = 0;
  std::vector<double> counts, residuals;

  /** Widens to whole octaves. */
  void reserve(int from, int to) {
    const int newFirst = std::min(first, from / kOctave * kOctave);
    const int newLast = std::max(last, to / kOctave * kOctave + kOctave - 1);
    if (newFirst == first && newLast == last) return;
    std::vector<double> c(static_cast<size_t>(newLast - newFirst + 1)), r(c.size());
    if (!counts.empty()) {
      std::copy(counts.begin(), counts.end(), c.begin() + (first - newFirst));
      std::copy(residuals.begin(), residuals.end(), r.begin() + (first - newFirst));
    }
    counts.swap(c);
    residuals.swap(r);
    first = newFirst;
    last = newLast;
  }
};

}  // namespace

void Histogram::compute(Run& run) const {
  const ort::Value* input = run.input(0);
  const int64_t count = ort::shapeOf(input).count();
  const float* x = ort::floats(input);
  uint64_t* cells = cellsOfThisThread();
  Window window;
  double zeros = 0, nonFinite = 0;
  for (int64_t from = 0; from < count; from += kHistogramChunk) {
    int first, last;
    kernels_->histogram(x + from, std::min(kHistogramChunk, count - from), cells, first, last);
    for (int lane = 0; lane < kHistogramLanes; lane++) {
      zeros += static_cast<double>(cells[lane] >> 40);
      cells[lane] = 0;
    }
    const auto take = [&](int bin, double& residual) {
      double n = 0;
      for (int lane = 0; lane < kHistogramLanes; lane++) {
        uint64_t& cell = cells[bin * kHistogramLanes + lane];
        n += static_cast<double>(cell >> 40);
        residual += static_cast<double>(cell & kResiduals);
        cell = 0;
      }
      return n;
    };
    double ignored = 0;
    for (; last >= kNonFiniteBin; last--) nonFinite += take(last, ignored);
    while (last > first && isEmpty(cells, last)) last--;
    if (first > last) continue;
    window.reserve(first, last);
    for (int bin = first; bin <= last; bin++) {
      const auto at = static_cast<size_t>(bin - window.first);
      window.counts[at] += take(bin, window.residuals[at]);
    }
  }
  const size_t bins = window.counts.size();
  auto* y = static_cast<double*>(run.output({static_cast<int64_t>(3 + 2 * bins)}));
  y[0] = bins == 0 ? 0 : window.first;
  y[1] = zeros;
  y[2] = nonFinite;
  std::copy(window.counts.begin(), window.counts.end(), y + 3);
  std::copy(window.residuals.begin(), window.residuals.end(), y + 3 + bins);
}

}  // namespace taustat
