#pragma once
#include <cmath>
#include <limits>
#include <string>

#include "operator.h"

namespace taustat {

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

  /** τ at the input of this run; 0 where there is no gate. */
  float inputThreshold(const ort::Value* thresholds) const { return threshold(thresholds, inputSite_); }
  Epilogue epilogue(const ort::Value* thresholds) const {
    return {low_, high_, threshold(thresholds, outputSite_), outputCount_ != nullptr};
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
  static float threshold(const ort::Value* thresholds, int64_t site) {
    if (site < 0 || thresholds == nullptr) return 0;
    const int64_t sites = ort::shapeOf(thresholds).count();
    if (site >= sites)
      throw std::invalid_argument("site " + std::to_string(site) + " of " + std::to_string(sites) + " thresholds");
    return ort::floats(thresholds)[site];
  }

  int64_t inputSite_, outputSite_;
  float low_ = -std::numeric_limits<float>::infinity();
  float high_ = std::numeric_limits<float>::infinity();
  Counts* counts_;
  Counts::Site* inputCount_;
  Counts::Site* outputCount_;
};

}  // namespace taustat
