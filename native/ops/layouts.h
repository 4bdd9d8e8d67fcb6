#pragma once
#include "operator.h"

namespace taustat {

/** NCHW to bordered. */
class ToBordered {
 public:
  static constexpr const char* kName = "ToBordered";
  static constexpr size_t kInputs = 1, kRequired = 1;
  static constexpr int kOutputType = ort::kFloat;

  ToBordered(const Attributes&, const Environment& environment) : environment_(environment) {}
  void compute(Run& run) const;

 private:
  const Environment& environment_;
};

/** Bordered to NCHW; attribute `channels`. */
class FromBordered {
 public:
  static constexpr const char* kName = "FromBordered";
  static constexpr size_t kInputs = 1, kRequired = 1;
  static constexpr int kOutputType = ort::kFloat;

  FromBordered(const Attributes& attributes, const Environment& environment);
  void compute(Run& run) const;

 private:
  const Environment& environment_;
  int channels_;
};

/** MaxPool of a square kernel without padding, bordered to bordered; attributes `kernel` and `stride`. */
class BorderedMaxPool {
 public:
  static constexpr const char* kName = "BorderedMaxPool";
  static constexpr size_t kInputs = 1, kRequired = 1;
  static constexpr int kOutputType = ort::kFloat;

  BorderedMaxPool(const Attributes& attributes, const Environment& environment);
  void compute(Run& run) const;

 private:
  const Environment& environment_;
  int kernel_, stride_;
};

}  // namespace taustat
