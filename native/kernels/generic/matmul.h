#pragma once
#include "tiles.h"

namespace taustat {
namespace {

/** Quads whose lists are held at once, and whose sums pass over a panel before the next. */
constexpr int kMatMulQuads = 32;
/** Fewer would fetch what none of them reads. */
constexpr int kPrefetchingQuads = 3;

/** Bytes of weights that a tile reads per block: they stay in the nearest cache while the block's quads pass. */
constexpr int kTileBytes = 44 << 10;

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

/** Weights that no cache near the processor holds are asked for a block ahead, a share of it with every quad. */
constexpr size_t kPrefetchedBytes = 512 << 10;

class Prefetch {
 public:
  /** @param next - the block after this one, of as many bytes. @param quads - that pass meanwhile. */
  Prefetch(const Weights& weights, const float* next, size_t bytes, int64_t quads)
      : at_(reinterpret_cast<uintptr_t>(next)),
        lines_(weights.bytes() > kPrefetchedBytes ? (bytes / 64 + quads - 1) / quads : 0) {}
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

/** Sums [rows][width] to y [rows][columns]. */
template <typename V>
void storeRows(const MatMul& op, int64_t rowBegin, int rows, int panel, const float* sums, Tally& tally) {
  const Weights& weights = *op.weights;
  const int width = weights.width(panel);
  const int columns = weights.columns - weights.panelBegin[panel] < width ? weights.columns - weights.panelBegin[panel] : width;
  const V low = V::broadcast(op.epilogue.low), high = V::broadcast(op.epilogue.high);
  const V threshold = V::broadcast(op.epilogue.threshold);
  for (int m = 0; m < rows; m++) {
    float* y = op.y + static_cast<size_t>(rowBegin + m) * weights.columns + weights.panelBegin[panel];
    const float* from = sums + static_cast<size_t>(m) * width;
    int j = 0;
    for (; j + V::lanes <= columns; j += V::lanes) finish(V::load(from + j), low, high, threshold).store(y + j);
    if (j < columns) finish(V::load(from + j), low, high, threshold).storeFirst(y + j, columns - j);
    if (op.epilogue.isCounted) tally.keptOut += countKept<V>(y, columns, V::broadcast(0));
  }
  if (op.epilogue.isCounted) tally.seenOut += static_cast<int64_t>(rows) * columns;
}

template <typename V>
void matMul(const MatMul& op, int64_t rowBegin, int64_t rowEnd, int panelBegin, int panelEnd, Scratch& scratch, Tally& tally) {
  const Weights& weights = *op.weights;
  const size_t depth = static_cast<size_t>(weights.depth);
  const int blockDepth = blockDepthOf<V>(weights, weights.depth);
  const int blocks = (weights.depth + blockDepth - 1) / blockDepth;
  const int heldQuads = rowEnd - rowBegin < 4 * kMatMulQuads ? static_cast<int>((rowEnd - rowBegin + 3) / 4) : kMatMulQuads;
  auto* lists = static_cast<List*>(scratch.reserve(0, sizeof(List) * heldQuads * blocks));
  auto* sums = static_cast<float*>(scratch.reserve(1, sizeof(float) * heldQuads * 4 * kPanelColumns));
  const V threshold = V::broadcast(op.threshold);
  int64_t kept = 0;
  for (int64_t row = rowBegin; row < rowEnd; row += 4 * heldQuads) {
    const int rows = rowEnd - row < 4 * heldQuads ? static_cast<int>(rowEnd - row) : 4 * heldQuads;
    const int quads = (rows + 3) / 4;
    const float* x = op.x + static_cast<size_t>(row) * depth;
    for (int q = 0; q < quads; q++)
      for (int b = 0; b < blocks; b++) {
        const int begin = b * blockDepth;
        const int n = weights.depth - begin < blockDepth ? weights.depth - begin : blockDepth;
        kept += listBlock<V>(x + 4 * q * depth + begin, depth, rows - 4 * q < 4 ? rows - 4 * q : 4, n, threshold,
                             lists[q * blocks + b]);
      }
    const bool isSingle = rows == 1;
    for (int panel = panelBegin; panel < panelEnd; panel++) {
      const int width = weights.width(panel);
      const float* bias = weights.bias + weights.panelBegin[panel];
      const int sumRows = isSingle ? 1 : 4 * quads;
      for (int m = 0; m < sumRows; m++)
        for (int j = 0; j < width; j += V::lanes) V::load(bias + j).store(sums + static_cast<size_t>(m) * width + j);
      const Tiles tiles(width, V::lanes, isSingle ? V::rowVectors : V::tileVectors);
      const Add* add = isSingle ? kRows<V>.of : kQuads<V>.of;
      for (int b = 0; b < blocks; b++) {
        const float* w = weights.panel(panel) + static_cast<size_t>(b) * blockDepth * width;
        const size_t blockSize = static_cast<size_t>(blockDepth) * width;
        Prefetch prefetch(weights, w + blockSize, quads < kPrefetchingQuads ? 0 : blockSize * sizeof(float), quads * tiles.count);
        for (int tile = 0, column = 0; tile < tiles.count; column += tiles.of(tile++) * V::lanes)
          for (int q = 0; q < quads; q++, prefetch.step())
            add[tiles.of(tile) - 1](lists[q * blocks + b], x + 4 * q * depth + b * blockDepth, depth, w + column,
                                    static_cast<size_t>(width), sums + static_cast<size_t>(4) * q * width + column);
      }
      storeRows<V>(op, row, rows, panel, sums, tally);
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
