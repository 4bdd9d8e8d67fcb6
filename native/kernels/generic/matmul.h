#pragma once
#include "tiles.h"

namespace taustat {
namespace {

/** Groups whose lists are held at once, and whose sums pass over a panel before the next. */
constexpr int kMatMulGroups = 32;
/** Fewer would fetch what none of them reads. */
constexpr int kPrefetchingGroups = 3;

/** Bytes of weights that a tile reads per block: they stay in the nearest cache while the block's groups pass. */
constexpr int kTileBytes = 48 << 10;

/** Depth of a block: a multiple of 64 where it can be, since lists are made of words of as many bits. */
template <typename V>
int blockDepthOf(const Weights& weights, int depth) {
  const int widest = V::tileVectors * V::lanes;
  const int columns = weights.width(0) < widest ? weights.width(0) : widest;
  const int fitting = kTileBytes / (columns * static_cast<int>(sizeof(float)));
  const int most = fitting >= kBlockDepth ? kBlockDepth : fitting >= 128 ? fitting / 64 * 64 : fitting / 16 * 16;
  const int blocks = (depth + most - 1) / most;
  const int equal = static_cast<int>(roundUp((depth + blocks - 1) / blocks, 16));
  return (equal + 63) / 64 * blocks > (depth + 63) / 64 ? most : equal;
}

/** Bytes of sums that pass over a block before the next: they stay in the second cache. */
constexpr size_t kSumBytes = 384 << 10;

/** End of the panels from `begin` on whose sums fit. */
inline int panelsThatFit(const Weights& weights, int begin, int end, int rows) {
  int last = begin + 1;
  while (last < end && (weights.panelBegin[last + 1] - weights.panelBegin[begin]) * rows * sizeof(float) <= kSumBytes) last++;
  return last;
}

/** Weights that no cache near the processor holds are asked for a block ahead, a share of it with every group. */
constexpr size_t kPrefetchedBytes = 512 << 10;

class Prefetch {
 public:
  /** @param next - the block after this one, of as many bytes. @param groups - that pass meanwhile. */
  Prefetch(const Weights& weights, const float* next, size_t bytes, int64_t groups)
      : at_(reinterpret_cast<uintptr_t>(next)),
        lines_(weights.bytes() > kPrefetchedBytes ? (bytes / 64 + groups - 1) / groups : 0) {}
  TAUSTAT_INLINE void step() {
    for (size_t i = 0; i < lines_; i++, at_ += 64) __builtin_prefetch(reinterpret_cast<const void*>(at_), 0, 2);
  }

 private:
  uintptr_t at_;
  size_t lines_;
};

template <typename V>
TAUSTAT_INLINE V finish(V sum, const V& low, const V& high, const V& threshold) {
  return V::smaller(high, V::larger(low, sum)).gated(threshold);
}

/** Sums [rows][width] of the columns from `column` on to y [rows][columns]. */
template <typename V>
void storeRows(const MatMul& op, int64_t rowBegin, int rows, int column, int width, const float* sums, Tally& tally) {
  const Weights& weights = *op.weights;
  const int columns = weights.columns - column < width ? weights.columns - column : width;
  if (columns <= 0) return;
  const V low = V::broadcast(op.epilogue.low), high = V::broadcast(op.epilogue.high);
  const V threshold = V::broadcast(op.epilogue.threshold);
  for (int m = 0; m < rows; m++) {
    float* y = op.y + static_cast<size_t>(rowBegin + m) * weights.columns + column;
    const float* from = sums + static_cast<size_t>(m) * width;
    int j = 0;
    for (; j + V::lanes <= columns; j += V::lanes) finish(V::load(from + j), low, high, threshold).store(y + j);
    if (j < columns) finish(V::load(from + j), low, high, threshold).storeFirst(y + j, columns - j);
    if (op.epilogue.isCounted) tally.keptOut += countKept<V>(y, columns, V::broadcast(0));
  }
  if (op.epilogue.isCounted) tally.seenOut += static_cast<int64_t>(rows) * columns;
}

/** Sums [rows][width] begin with the bias. */
template <typename V>
void setBias(const float* bias, int width, size_t rows, float* sums) {
  for (size_t m = 0; m < rows; m++, sums += width)
    for (int j = 0; j < width; j += V::lanes) V::load(bias + j).store(sums + j);
}

/**
 * Blocks of the depth from first to last; each is listed once, and then passes over the panels while its lists and activations
 * are in the nearest cache.
 */
template <typename V>
void matMul(const MatMul& op, int64_t rowBegin, int64_t rowEnd, int panelBegin, int panelEnd, Scratch& scratch, Tally& tally) {
  if (panelBegin == panelEnd) return;
  const Weights& weights = *op.weights;
  const size_t depth = static_cast<size_t>(weights.depth);
  const int blockDepth = blockDepthOf<V>(weights, weights.depth);
  const int heldGroups = rowEnd - rowBegin < V::tileRows * kMatMulGroups ? static_cast<int>((rowEnd - rowBegin + V::tileRows - 1) / V::tileRows) : kMatMulGroups;
  const bool isSingle = rowEnd - rowBegin == 1;
  const int most = isSingle ? V::rowVectors : V::tileVectors;
  auto* lists = static_cast<List*>(scratch.reserve(0, sizeof(List) * heldGroups));
  const V threshold = V::broadcast(op.threshold);
  int64_t kept = 0;
  for (int partBegin = panelBegin, partEnd; partBegin < panelEnd; partBegin = partEnd) {
    partEnd = panelsThatFit(weights, partBegin, panelEnd, V::tileRows * heldGroups);
    const int columnBegin = weights.panelBegin[partBegin];
    const size_t columns = static_cast<size_t>(weights.panelBegin[partEnd] - columnBegin);
    auto* sums = static_cast<float*>(scratch.reserve(1, sizeof(float) * heldGroups * V::tileRows * columns));
    for (int64_t row = rowBegin; row < rowEnd; row += V::tileRows * heldGroups) {
      const int rows = rowEnd - row < V::tileRows * heldGroups ? static_cast<int>(rowEnd - row) : V::tileRows * heldGroups;
      const int groups = (rows + V::tileRows - 1) / V::tileRows;
      const size_t sumRows = isSingle ? 1 : static_cast<size_t>(V::tileRows) * groups;
      const Add* add = isSingle ? kRows<V>.of : kGroups<V>.of;
      const auto eachTile = [&](int panel, auto body) {
        const Tiles tiles(weights.width(panel), V::lanes, most);
        int column = weights.panelBegin[panel];
        for (int tile = 0; tile < tiles.count; column += tiles.of(tile++) * V::lanes)
          body(tiles.of(tile), column, sums + static_cast<size_t>(column - columnBegin) * sumRows);
      };
      for (int panel = partBegin; panel < partEnd; panel++)
        eachTile(panel, [&](int vectors, int column, float* to) { setBias<V>(weights.bias + column, vectors * V::lanes, sumRows, to); });
      for (int begin = 0; begin < weights.depth; begin += blockDepth) {
        const int n = weights.depth - begin < blockDepth ? weights.depth - begin : blockDepth;
        const float* x = op.x + static_cast<size_t>(row) * depth + begin;
        int64_t found = 0;
        for (int q = 0; q < groups; q++)
          found += listBlock<V>(x + V::tileRows * q * depth, depth, rows - V::tileRows * q < V::tileRows ? rows - V::tileRows * q : V::tileRows, n, threshold, lists[q]);
        if (partBegin == panelBegin) kept += found;
        for (int panel = partBegin; panel < partEnd; panel++) {
          const int width = weights.width(panel);
          const float* w = weights.panel(panel) + static_cast<size_t>(begin) * width;
          const float* next = panel + 1 < partEnd ? weights.panel(panel + 1) + static_cast<size_t>(begin) * weights.width(panel + 1)
                                                   : weights.panel(partBegin) + static_cast<size_t>(begin + n) * weights.width(partBegin);
          Prefetch prefetch(weights, next, groups < kPrefetchingGroups ? 0 : static_cast<size_t>(n) * width * sizeof(float), groups);
          eachTile(panel, [&](int vectors, int column, float* to) {
            const size_t groupSize = static_cast<size_t>(V::tileRows) * vectors * V::lanes;
            const bool isFirst = column == weights.panelBegin[panel];
            for (int q = 0; q < groups; q++, to += groupSize) {
              add[vectors - 1](lists[q], x + V::tileRows * q * depth, depth, w + column - weights.panelBegin[panel], static_cast<size_t>(width), to);
              if (isFirst) prefetch.step();
            }
          });
        }
      }
      for (int panel = partBegin; panel < partEnd; panel++)
        eachTile(panel, [&](int vectors, int column, const float* from) { storeRows<V>(op, row, rows, column, vectors * V::lanes, from, tally); });
    }
  }
  if (panelBegin == 0) {
    tally.kept += kept;
    tally.seen += (rowEnd - rowBegin) * weights.depth;
    tally.multiplied += kept * weights.columns;
    tally.multiplications += (rowEnd - rowBegin) * weights.depth * weights.columns;
  }
}

}  // namespace
}  // namespace taustat
