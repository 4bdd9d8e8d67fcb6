// Which activations of a group of rows are kept, as lists of their numbers: one list per pattern of rows.
//
// A number k belongs to the pattern of those rows that keep x[row][k]. The kernel loads the weights of k once and uses them for
// every row of the pattern. Sparse groups are listed as two pairs or as single rows, since few k are shared there and long
// lists are cheaper than many short ones.
#pragma once
#include <cstring>

#include "../kernels.h"

namespace taustat {
namespace {

struct alignas(32) List {
  /** The numbers of pattern p are index[end[p − 1]] … index[end[p] − 1]; end[0] is 0. */
  uint16_t end[16];
  /** In the order of the patterns; 64 more bytes, since a list is written in whole registers. */
  uint8_t index[kBlockDepth + 64];
};

constexpr int kWords = kBlockDepth / 64;
/** A pattern is a number of as many bits. */
constexpr int kMostTileRows = 4;
/** Bit k % 64 of word k / 64 of a row: x[row][k] is kept. */
using Kept = uint64_t[kMostTileRows][kWords];

/** Kept shares of a group below which it is listed as single rows, and as pairs. */
constexpr float kSingleRows = 0.1f;
constexpr float kPairs = 0.2f;
/** A k is listed once per pair or row that keeps it: no more of them than the block is deep. */
static_assert(kMostTileRows * kSingleRows <= 1 && kMostTileRows * kPairs <= 1, "lists would not fit");

template <typename V, int rows>
inline uint8_t* emitPattern(int pattern, const uint64_t (*kept)[kWords], int words, uint8_t* to) {
  for (int w = 0; w < words; w++) {
    uint64_t bits = ~uint64_t{0};
    for (int r = 0; r < rows; r++) bits &= pattern >> r & 1 ? kept[r][w] : ~kept[r][w];
    to = V::emit(bits, w, to);
  }
  return to;
}

/** Patterns from `pattern` on, of `rows` rows, the first of which is bit 0 of pattern / step. */
template <typename V, int rows, int pattern, int step>
TAUSTAT_INLINE uint8_t* emitPatterns(const uint64_t (*kept)[kWords], int words, uint8_t* to, List& list) {
  to = emitPattern<V, rows>(pattern, kept, words, to);
  list.end[pattern * step] = static_cast<uint16_t>(to - list.index);
  if constexpr (pattern + 1 < 1 << rows) to = emitPatterns<V, rows, pattern + 1, step>(kept, words, to, list);
  return to;
}

/** Lists a block of a group. @param total - how many are kept. */
template <typename V>
void listKept(const Kept& kept, int rows, int depth, int total, List& list) {
  const int words = (depth + 63) / 64;
  uint8_t* to = list.index;
  list.end[0] = 0;
  if (total < kSingleRows * V::tileRows * depth || rows == 1) {
    for (int r = 0; r < V::tileRows; r++) {
      if (r < rows) to = emitPattern<V, 1>(1, kept + r, words, to);
      for (int pattern = 1 << r; pattern < 2 << r; pattern++) list.end[pattern] = static_cast<uint16_t>(to - list.index);
    }
  } else if (V::tileRows == 4 && total < kPairs * V::tileRows * depth) {
    to = emitPatterns<V, 2, 1, 1>(kept, words, to, list);
    to = emitPatterns<V, 2, 1, 4>(kept + 2, words, to, list);
    for (int pattern = 4; pattern < 16; pattern++) list.end[pattern] = list.end[pattern / 4 * 4];
  } else {
    emitPatterns<V, V::tileRows, 1, 1>(kept, words, to, list);
  }
}

/** Lists a block of up to tileRows rows. @param bitsOf - (row, from, n): what of the n ≤ 64 floats from `from` on is kept. */
template <typename V, typename BitsOf>
TAUSTAT_INLINE int listRows(int rows, int depth, List& list, BitsOf bitsOf) {
  Kept kept;
  int total = 0;
  for (int r = 0; r < V::tileRows; r++)
    for (int w = 0; 64 * w < depth; w++) {
      const int n = depth - 64 * w < 64 ? depth - 64 * w : 64;
      kept[r][w] = r < rows ? bitsOf(r, 64 * w, n) : 0;
      total += V::ones(kept[r][w]);
    }
  listKept<V>(kept, rows, depth, total, list);
  return total;
}

/**
 * Lists a block of up to tileRows rows.
 *
 * @param x - first of `rows` rows, `stride` floats apart.
 * @param depth - floats per row, at most 256. Nothing is read beyond them, nor of rows beyond the last.
 * @returns how many are kept.
 */
template <typename V>
int listBlock(const float* x, size_t stride, int rows, int depth, V threshold, List& list) {
  return listRows<V>(rows, depth, list, [&](int r, int from, int n) { return V::passing(x + r * stride + from, n, threshold); });
}

/** How many of a row are kept. */
template <typename V>
int64_t countKept(const float* x, size_t count, V threshold) {
  int64_t kept = 0;
  for (size_t i = 0; i < count; i += 64)
    kept += V::ones(V::passing(x + i, static_cast<int>(count - i < 64 ? count - i : 64), threshold));
  return kept;
}

/** The kept of a row as bits, 16 of them the least that is addressed; 8 bytes are written beyond the last. */
template <typename V>
void setBits(const float* x, size_t count, V threshold, uint8_t* bits) {
  for (size_t i = 0; i < count; i += 64) {
    const uint64_t word = V::passing(x + i, static_cast<int>(count - i < 64 ? count - i : 64), threshold);
    std::memcpy(bits + i / 8, &word, sizeof word);
  }
}

/** Bits [at, at + n), `at` a multiple of 16, n ≤ 64; 8 bytes are read from the first on. */
TAUSTAT_INLINE uint64_t bitsAt(const uint8_t* bits, size_t at, int n) {
  uint64_t word;
  std::memcpy(&word, bits + at / 8, sizeof word);
  return n < 64 ? word & ((uint64_t{1} << n) - 1) : word;
}

/** Lists a block of up to tileRows rows whose bits are known; the rows begin at bit `at` and lie `stride` apart. */
template <typename V>
int listBits(const uint8_t* bits, size_t at, size_t stride, int rows, int depth, List& list) {
  return listRows<V>(rows, depth, list, [&](int r, int from, int n) { return bitsAt(bits, at + r * stride + from, n); });
}

}  // namespace
}  // namespace taustat
