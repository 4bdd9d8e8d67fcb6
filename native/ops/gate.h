#pragma once
#include <cmath>
#include <limits>
#include <string>

#include "operator.h"

namespace taustat {

/** The thresholds of a run: [S], or [1, S], the same for all rows; or [N, S], one set for each row of the batch. */
class Thresholds {
 public:
  /** @param value - null: there are none, and nothing is gated. @throws std::invalid_argument */
  explicit Thresholds(const ort::Value* value) {
    if (value == nullptr) return;
    const std::vector<int64_t> dims = ort::shapeOf(value).dims;
    if (dims.size() != 1 && dims.size() != 2)
      throw std::invalid_argument("thresholds have " + std::to_string(dims.size()) + " dimensions, not 1 or 2");
    values_ = ort::floats(value);
    sites_ = dims.back();
    rows_ = dims.size() == 1 ? 1 : dims[0];
  }

  /** Whether rows may have thresholds of their own. */
  bool arePerRow() const { return rows_ != 1; }
  /** τ of a site, −1 for none, in a row; of any row where all have the same. @throws std::invalid_argument */
  float at(int64_t row, int64_t site) const {
    if (site < 0 || values_ == nullptr) return 0;
    if (site >= sites_)
      throw std::invalid_argument("site " + std::to_string(site) + " of " + std::to_string(sites_) + " thresholds");
    return values_[(rows_ == 1 ? 0 : row * sites_) + site];
  }
  /** @throws std::invalid_argument unless there is one set of thresholds for each of `rows`, or one for all. */
  void checkRows(int64_t rows) const {
    if (rows_ != 1 && rows_ != rows)
      throw std::invalid_argument("thresholds of " + std::to_string(rows_) + " rows, X has " + std::to_string(rows));
  }

 private:
  const float* values_ = nullptr;
  int64_t sites_ = 0, rows_ = 1;
};

/** The gates of a pruning operator: `input_site` and `output_site` in the thresholds, and the activation between them. */
class Gate {
 public:
  Gate(const Attributes& attributes, const Environment& environment)
      : inputSite_(attributes.integer("input_site", -1)),
        outputSite_(attributes.integer("output_site", -1)),
        counts_(environment.counts),
        inputCount_(counts_->site(inputSite_)),
        outputCount_(counts_->site(outputSite_)) {
    const std::string activation = attributes.text("activation", "none");
    if (activation == "relu") low_ = 0;
    else if (activation == "clip") {
      low_ = attributes.number("min", low_);
      high_ = attributes.number("max", high_);
    } else if (activation != "none") {
      attributes.refuse("activation '" + activation + "', expected none, relu or clip");
    }
  }

  /** τ at the input, in a row of the batch; 0 where there is no gate. */
  float inputThreshold(const Thresholds& thresholds, int64_t row) const { return thresholds.at(row, inputSite_); }
  Epilogue epilogue(const Thresholds& thresholds, int64_t row) const {
    return {low_, high_, thresholds.at(row, outputSite_), outputCount_ != nullptr};
  }
  /**
   * stretch(begin, end), for as many rows of the batch in a row as have the same thresholds here: most often one stretch of all.
   * What is computed depends on no row beside it, so one kernel serves each.
   */
  template <typename Stretch>
  void perStretch(const Thresholds& thresholds, int64_t rows, Stretch stretch) const {
    if (!thresholds.arePerRow()) return stretch(int64_t{0}, rows);
    thresholds.checkRows(rows);
    const auto areSame = [&](int64_t a, int64_t b) {
      return thresholds.at(a, inputSite_) == thresholds.at(b, inputSite_) && thresholds.at(a, outputSite_) == thresholds.at(b, outputSite_);
    };
    for (int64_t begin = 0, end; begin < rows; begin = end) {
      for (end = begin + 1; end < rows && areSame(begin, end);) end++;
      stretch(begin, end);
    }
  }
  void count(const std::vector<Tally>& tallies) const {
    Tally all;
    for (const Tally& tally : tallies) {
      all.kept += tally.kept;
      all.seen += tally.seen;
      all.keptOut += tally.keptOut;
      all.seenOut += tally.seenOut;
      all.multiplied += tally.multiplied;
      all.multiplications += tally.multiplications;
    }
    if (inputCount_ != nullptr) inputCount_->add(all.kept, all.seen);
    if (outputCount_ != nullptr) outputCount_->add(all.keptOut, all.seenOut);
    counts_->addMultiplications(all);
  }

 private:
  int64_t inputSite_, outputSite_;
  float low_ = -std::numeric_limits<float>::infinity();
  float high_ = std::numeric_limits<float>::infinity();
  Counts* counts_;
  Counts::Site* inputCount_;
  Counts::Site* outputCount_;
};

}  // namespace taustat
