#include "sparse-matmul.h"

#include <algorithm>

namespace taustat {

SparseMatMul::SparseMatMul(const Attributes& attributes, const Environment& environment)
    : environment_(environment), gate_(attributes, environment) {
  const ort::Value* w = attributes.constant(1);
  const ort::Value* bias = attributes.constant(2);
  if (w == nullptr) attributes.refuse("W is not constant");
  const std::vector<int64_t> dims = ort::shapeOf(w).dims;
  if (dims.size() != 2) attributes.refuse("W has " + std::to_string(dims.size()) + " dimensions, not 2");
  for (const int64_t dim : dims)
    if (dim < 1 || dim > 1 << 26) attributes.refuse("W is empty or too large");
  const bool isTransposed = attributes.integer("transB", 0) != 0;
  const int depth = static_cast<int>(dims[isTransposed ? 1 : 0]), columns = static_cast<int>(dims[isTransposed ? 0 : 1]);
  if (bias != nullptr && ort::shapeOf(bias).count() != columns) attributes.refuse("B does not have one entry per column");
  hasBias_ = bias != nullptr;
  rowAxis_ = attributes.integer("row_axis", 0);
  if (rowAxis_ < 0) attributes.refuse("row_axis is negative");
  pack_ = Pack::ofMatMul(ort::floats(w), bias == nullptr ? nullptr : ort::floats(bias), depth, columns, isTransposed);
}

void SparseMatMul::compute(Run& run) const {
  const ort::Value* x = run.input(0);
  if (!hasBias_ && run.input(2) != nullptr) throw std::invalid_argument("B is not constant");
  const Weights& weights = pack_->weights();
  std::vector<int64_t> dims = ort::shapeOf(x).dims;
  if (dims.empty() || dims.back() != weights.depth)
    throw std::invalid_argument("X has rows of " + std::to_string(dims.empty() ? 0 : dims.back()) + ", W needs " +
                                std::to_string(weights.depth));
  const Thresholds thresholds(run.input(3));
  MatMul op{};
  op.weights = &weights;
  op.x = ort::floats(x);
  // Rows of the product, as the batch lies in them: `outer` times all of its rows, each of which has `inner`.
  const size_t lead = dims.size() - 1;
  const auto rowAxis = static_cast<size_t>(rowAxis_);
  int64_t outer = 1, batch = 1, inner = 1;
  for (size_t i = 0; i < lead; i++) (i < rowAxis ? outer : i == rowAxis ? batch : inner) *= dims[i];
  if (thresholds.arePerRow() && rowAxis >= lead)
    throw std::invalid_argument("X has no dimension " + std::to_string(rowAxis) + " of rows");
  dims.back() = weights.columns;
  op.y = static_cast<float*>(run.output(dims));
  const int64_t rows = outer * batch * inner;
  if (rows == 0) return;
  gate_.perStretch(thresholds, batch, [&](int64_t begin, int64_t end) {
    op.threshold = gate_.inputThreshold(thresholds, begin);
    op.epilogue = gate_.epilogue(thresholds, begin);
    const bool isWhole = end - begin == batch;
    for (int64_t part = 0; part < (isWhole ? 1 : outer); part++) {
      const int64_t first = (part * batch + begin) * inner;
      MatMul stretch = op;
      stretch.rows = isWhole ? rows : (end - begin) * inner;
      stretch.x += first * weights.depth;
      stretch.y += first * weights.columns;
      multiply(run, stretch);
    }
  });
}

void SparseMatMul::multiply(const Run& run, const MatMul& op) const {
  const Weights& weights = *op.weights;
  const auto& matMul = environment_.kernels->matMul;
  // Rows are shared out where every thread gets two groups at least, panels otherwise.
  const int threads = environment_.threads;
  const int64_t group = environment_.kernels->tileRows;
  const int64_t groups = (op.rows + group - 1) / group;
  const bool isByRows = groups >= 2 * static_cast<int64_t>(threads);
  const int tasks = isByRows ? threads : std::min(threads, weights.panels);
  std::vector<Tally> tallies(static_cast<size_t>(tasks));
  run.parallel(tasks, [&](int i) {
    Tally& tally = tallies[static_cast<size_t>(i)];
    Scratch& scratch = Scratch::ofThisThread();
    if (isByRows)
      matMul(op, group * (groups * i / tasks), std::min(op.rows, group * (groups * (i + 1) / tasks)), 0, weights.panels, scratch, tally);
    else
      matMul(op, 0, op.rows, weights.panels * i / tasks, weights.panels * (i + 1) / tasks, scratch, tally);
  });
  gate_.count(tallies);
}

}  // namespace taustat
