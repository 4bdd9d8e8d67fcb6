// Which activations of four rows are kept, as lists of their numbers: one list per pattern of rows.
//
// A number k belongs to the pattern of those rows that keep x[row][k]. The kernel loads the weights of k once and uses them for
// every row of the pattern. Sparse quads are listed as two pairs or as four single rows, since few k are shared there and long
// lists are cheaper than many short ones.
#pragma once
#include "../kernels.h"

namespace taustat {
namespace {

struct alignas(32) List {
  uint16_t count[16];
  /** Numbers in the order of the patterns; 64 more bytes, since a list is written in whole registers. */
  uint8_t index[kBlockDepth + 64];
};

constexpr int kWords = kBlockDepth / 64;
/** Kept shares of a quad below which it is listed as single rows, and as pairs. */
constexpr float kSingleRows = 0.1f;
constexpr float kPairs = 0.25f;
/** A k is listed once per pair or row that keeps it: no more of them than the block is deep. */
static_assert(4 * kSingleRows <= 1 && 4 * kPairs <= 1, "lists would not fit");

template <typename V, int rows>
inline uint8_t* emitPattern(int pattern, const uint64_t (*kept)[kWords], int words, uint8_t* to, uint16_t& count) {
  const uint8_t* from = to;
  for (int w = 0; w < words; w++) {
    uint64_t bits = ~uint64_t{0};
    for (int r = 0; r < rows; r++) bits &= pattern >> r & 1 ? kept[r][w] : ~kept[r][w];
    to = V::emit(bits, w, to);
  }
  count = static_cast<uint16_t>(to - from);
  return to;
}

template <typename V, int rows, int pattern, int step>
struct Patterns {
  static TAUSTAT_INLINE uint8_t* emit(const uint64_t (*kept)[kWords], int words, uint8_t* to,
                                                             uint16_t* count) {
    to = emitPattern<V, rows>(pattern, kept, words, to, count[pattern * step]);
    return Patterns<V, rows, pattern + 1, step>::emit(kept, words, to, count);
  }
};
template <typename V, int step>
struct Patterns<V, 4, 16, step> {
  static inline uint8_t* emit(const uint64_t (*)[kWords], int, uint8_t* to, uint16_t*) { return to; }
};
template <typename V, int step>
struct Patterns<V, 2, 4, step> {
  static inline uint8_t* emit(const uint64_t (*)[kWords], int, uint8_t* to, uint16_t*) { return to; }
};

/**
 * Lists a block of up to four rows.
 *
 * @param x - first of `rows` rows, `stride` floats apart.
 * @param depth - floats per row, at most 256. Nothing is read beyond them, nor of rows beyond the last.
 * @returns how many are kept.
 */
template <typename V>
int listBlock(const float* x, size_t stride, int rows, int depth, V threshold, List& list) {
  uint64_t kept[4][kWords];
  const int words = (depth + 63) / 64;
  int total = 0;
  for (int r = 0; r < 4; r++)
    for (int w = 0; w < words; w++) {
      const int n = depth - 64 * w < 64 ? depth - 64 * w : 64;
      kept[r][w] = r < rows ? V::passing(x + r * stride + 64 * w, n, threshold) : 0;
      total += V::ones(kept[r][w]);
    }
  for (uint16_t& count : list.count) count = 0;
  uint8_t* to = list.index;
  if (total < kSingleRows * 4 * depth || rows == 1) {
    for (int r = 0; r < rows; r++) to = emitPattern<V, 1>(1, kept + r, words, to, list.count[1 << r]);
  } else if (total < kPairs * 4 * depth) {
    to = Patterns<V, 2, 1, 1>::emit(kept, words, to, list.count);
    to = Patterns<V, 2, 1, 4>::emit(kept + 2, words, to, list.count);
  } else {
    Patterns<V, 4, 1, 1>::emit(kept, words, to, list.count);
  }
  return total;
}

/** How many of a row are kept. */
template <typename V>
int64_t countKept(const float* x, size_t count, V threshold) {
  int64_t kept = 0;
  for (size_t i = 0; i < count; i += 64)
    kept += V::ones(V::passing(x + i, static_cast<int>(count - i < 64 ? count - i : 64), threshold));
  return kept;
}

}  // namespace
}  // namespace taustat
