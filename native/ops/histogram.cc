#include "histogram.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "gate.h"

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

/** Elements that are looked at or passed over together: some lines of the cache. */
constexpr int64_t kBlock = 64;
/** Most blocks that one stands for. */
constexpr int64_t kMostBlocks = 16;

/** Cells of this thread, and what was taken out of them. */
class BinTally {
 public:
  explicit BinTally(const Kernels* kernels) : kernels_(kernels), cells_(cellsOfThisThread()) {}

  /** @param count - at most kHistogramChunk before the next `take`. */
  void add(const float* x, int64_t count) {
    int first, last;
    kernels_->histogram(x, count, cells_, first, last);
    first_ = std::min(first_, first);
    last_ = std::max(last_, last);
    pending_ += count;
  }

  int64_t pending() const { return pending_; }

  /** Empties the cells; each element in them stands for so many. */
  void take(double weight) {
    if (pending_ == 0) return;
    for (int lane = 0; lane < kHistogramLanes; lane++) {
      zeros += weight * static_cast<double>(cells_[lane] >> 40);
      cells_[lane] = 0;
    }
    double ignored = 0;
    int last = last_;
    for (; last >= kNonFiniteBin; last--) takeBin(last, weight, nonFinite, ignored);
    while (last > first_ && isEmpty(cells_, last)) last--;
    if (first_ <= last) {
      window.reserve(first_, last);
      for (int bin = first_; bin <= last; bin++) {
        const auto at = static_cast<size_t>(bin - window.first);
        takeBin(bin, weight, window.counts[at], window.residuals[at]);
      }
    }
    first_ = kHistogramBins;
    last_ = 0;
    pending_ = 0;
  }

  Window window;
  double zeros = 0, nonFinite = 0;

 private:
  void takeBin(int bin, double weight, double& count, double& residual) {
    uint64_t n = 0, sum = 0;
    for (int lane = 0; lane < kHistogramLanes; lane++) {
      uint64_t& cell = cells_[bin * kHistogramLanes + lane];
      n += cell >> 40;
      sum += cell & kResiduals;
      cell = 0;
    }
    count += weight * static_cast<double>(n);
    residual += weight * static_cast<double>(sum);
  }

  const Kernels* kernels_;
  uint64_t* cells_;
  int first_ = kHistogramBins, last_ = 0;
  int64_t pending_ = 0;
};

/** One block of every so many. @returns elements that are told of by those: the rest follows them. */
int64_t addSampled(BinTally& tally, const float* x, int64_t count, int64_t blocks, uint32_t run) {
  const int64_t group = blocks * kBlock;
  // Numerical Recipes' linear congruential generator; what it is seeded with differs much from run to run.
  uint32_t random = run * 2654435761u;
  int64_t at = 0;
  for (; at + group <= count; at += group) {
    random = random * 1664525u + 1013904223u;
    const int64_t block = static_cast<int64_t>((static_cast<uint64_t>(random) * static_cast<uint64_t>(blocks)) >> 32);
    tally.add(x + at + block * kBlock, kBlock);
    if (tally.pending() + kBlock > kHistogramChunk) tally.take(static_cast<double>(blocks));
  }
  tally.take(static_cast<double>(blocks));
  return at;
}

}  // namespace

Histogram::Histogram(const Attributes& attributes, const Environment& environment)
    : kernels_(environment.kernels), sample_(attributes.integer("sample", 0)) {
  if (sample_ < 0) attributes.refuse("sample is negative");
}

void Histogram::compute(Run& run) const {
  const ort::Value* input = run.input(0);
  const int64_t count = ort::shapeOf(input).count();
  const float* x = ort::floats(input);
  BinTally tally(kernels_);
  const int64_t blocks = sample_ == 0 ? 1 : std::min(count / sample_, kMostBlocks);
  int64_t from = blocks < 2 ? 0 : addSampled(tally, x, count, blocks, runs_.fetch_add(1, std::memory_order_relaxed));
  for (; from < count; from += kHistogramChunk) {
    tally.add(x + from, std::min(kHistogramChunk, count - from));
    tally.take(1);
  }
  const Window& window = tally.window;
  const size_t bins = window.counts.size();
  auto* y = static_cast<double*>(run.output({static_cast<int64_t>(4 + 2 * bins)}));
  y[0] = static_cast<double>(bins);
  y[1] = bins == 0 ? 0 : window.first;
  y[2] = tally.zeros;
  y[3] = tally.nonFinite;
  std::copy(window.counts.begin(), window.counts.end(), y + 4);
  std::copy(window.residuals.begin(), window.residuals.end(), y + 4 + bins);
}

RowHistograms::RowHistograms(const Attributes& attributes, const Environment& environment)
    : kernels_(environment.kernels),
      site_(attributes.integer("site", -1)),
      rowAxis_(attributes.integer("row_axis", 0)),
      channels_(attributes.integer("channels", 0)) {
  const std::string layout = attributes.text("layout", "nchw");
  if (layout != "nchw" && layout != "bordered") attributes.refuse("layout '" + layout + "', expected nchw or bordered");
  isBordered_ = layout == "bordered";
  if (rowAxis_ < -1 || (isBordered_ && rowAxis_ > 0)) attributes.refuse("row_axis is not a dimension of rows");
  if (isBordered_ && channels_ < 1) attributes.refuse("channels must be positive");
}

namespace {

/** Elements that are gated at once. */
constexpr int64_t kGated = 1024;

/** Adds what passes a gate; the rest is zeros. */
void addGated(BinTally& tally, const float* x, int64_t count, float threshold) {
  float passed[kGated];
  for (int64_t from = 0; from < count; from += kGated) {
    const int64_t n = std::min(kGated, count - from);
    for (int64_t i = 0; i < n; i++) passed[i] = std::fabs(x[from + i]) < threshold ? 0 : x[from + i];
    tally.add(passed, n);
    if (tally.pending() + kGated > kHistogramChunk) tally.take(1);
  }
  tally.take(1);
}

void addAll(BinTally& tally, const float* x, int64_t count) {
  for (int64_t from = 0; from < count; from += kHistogramChunk) {
    tally.add(x + from, std::min(kHistogramChunk, count - from));
    tally.take(1);
  }
}

/** Which rows are measured. */
class Measured {
 public:
  Measured(const ort::Value* value, int64_t rows) {
    if (value == nullptr) return;
    count_ = ort::shapeOf(value).count();
    if (count_ != 1 && count_ != rows)
      throw std::invalid_argument("measured rows: " + std::to_string(count_) + ", X has " + std::to_string(rows));
    values_ = ort::floats(value);
  }
  bool hasAny(int64_t rows) const {
    for (int64_t row = 0; row < rows; row++)
      if (has(row)) return true;
    return false;
  }
  bool has(int64_t row) const { return values_ == nullptr || values_[count_ == 1 ? 0 : row] != 0; }

 private:
  const float* values_ = nullptr;
  int64_t count_ = 1;
};

}  // namespace

void RowHistograms::compute(Run& run) const {
  const ort::Value* input = run.input(0);
  const std::vector<int64_t> dims = ort::shapeOf(input).dims;
  const bool isOneRow = rowAxis_ < 0;
  const size_t rowAxis = isOneRow ? dims.size() : static_cast<size_t>(rowAxis_);
  if (!isOneRow && rowAxis >= dims.size()) throw std::invalid_argument("X has no dimension " + std::to_string(rowAxis) + " of rows");
  int64_t outer = 1, inner = 1;
  for (size_t i = 0; i < dims.size(); i++)
    if (i != rowAxis) (i < rowAxis && !isOneRow ? outer : inner) *= dims[i];
  const int64_t rows = isOneRow ? 1 : dims[rowAxis];
  double border = 0;
  if (isBordered_) {
    if (dims.size() != 4 || dims[2] < 2 || dims[3] < channels_) throw std::invalid_argument("X is not a bordered tensor");
    border = static_cast<double>(inner - (isOneRow ? dims[0] : 1) * channels_ * dims[1] * (dims[2] - 2));
  }
  const Thresholds thresholds(run.input(1));
  thresholds.checkRows(rows);
  const Measured measured(run.input(2), rows);
  if (!measured.hasAny(rows)) {
    auto* none = static_cast<double*>(run.output({rows, 4}));
    std::fill(none, none + 4 * rows, 0.0);
    return;
  }
  const float* x = ort::floats(input);
  std::vector<BinTally> tallies(static_cast<size_t>(rows), BinTally(kernels_));
  int first = kHistogramBins, last = -1;
  for (int64_t row = 0; row < rows; row++) {
    if (!measured.has(row)) continue;
    BinTally& tally = tallies[static_cast<size_t>(row)];
    const float threshold = thresholds.at(row, site_);
    for (int64_t part = 0; part < outer; part++) {
      const float* at = x + (part * rows + row) * inner;
      if (threshold > 0) addGated(tally, at, inner, threshold);
      else addAll(tally, at, inner);
    }
    tally.zeros -= border;
    if (tally.window.counts.empty()) continue;
    first = std::min(first, tally.window.first);
    last = std::max(last, tally.window.last);
  }
  const size_t bins = last < first ? 0 : static_cast<size_t>(last - first + 1);
  const size_t size = 4 + 2 * bins;
  auto* y = static_cast<double*>(run.output({rows, static_cast<int64_t>(size)}));
  std::fill(y, y + static_cast<size_t>(rows) * size, 0.0);
  for (int64_t row = 0; row < rows; row++, y += size) {
    const BinTally& tally = tallies[static_cast<size_t>(row)];
    const Window& window = tally.window;
    y[0] = static_cast<double>(bins);
    y[1] = bins == 0 ? 0 : first;
    y[2] = tally.zeros;
    y[3] = tally.nonFinite;
    const size_t shift = window.counts.empty() ? 0 : static_cast<size_t>(window.first - first);
    std::copy(window.counts.begin(), window.counts.end(), y + 4 + shift);
    std::copy(window.residuals.begin(), window.residuals.end(), y + 4 + bins + shift);
  }
}

}  // namespace taustat
