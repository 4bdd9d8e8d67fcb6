// Sums of a group of rows and up to `tileVectors` vectors of columns, held in registers over all lists of a block.
#pragma once
#include "lists.h"

namespace taustat {
namespace {

template <typename V, int vectors>
struct Sums {
  V at[V::tileRows][vectors];
};

template <typename V, int vectors, int pattern>
TAUSTAT_INLINE void addPattern(const List& list, const float* const (&x)[V::tileRows], const float* w, size_t width,
                               Sums<V, vectors>& sums) {
  const uint8_t* const end = list.index + list.end[pattern];
  for (const uint8_t* index = list.index + list.end[pattern - 1]; index != end; index++) {
    const size_t k = *index;
    const float* row = w + k * width;
    V activation[V::tileRows];
#pragma GCC unroll 4
    for (int r = 0; r < V::tileRows; r++)
      if (pattern >> r & 1) activation[r] = V::broadcast(x[r][k]);
#pragma GCC unroll 8
    for (int j = 0; j < vectors; j++) {
      V weights = V::load(row + j * V::lanes);
      // Compilers would load it again for each row.
      if constexpr ((pattern & (pattern - 1)) != 0) weights.hold();
#pragma GCC unroll 4
      for (int r = 0; r < V::tileRows; r++)
        if (pattern >> r & 1) sums.at[r][j] = V::multiplyAdd(activation[r], weights, sums.at[r][j]);
    }
  }
}

template <typename V, int vectors, int pattern = 1>
TAUSTAT_INLINE void addPatterns(const List& list, const float* const (&x)[V::tileRows], const float* w, size_t width,
                                Sums<V, vectors>& sums) {
  addPattern<V, vectors, pattern>(list, x, w, width, sums);
  if constexpr (pattern + 1 < 1 << V::tileRows) addPatterns<V, vectors, pattern + 1>(list, x, w, width, sums);
}

/**
 * sums[r][0 … vectors·lanes) += Σ over the list of x[r][k] · w[k].
 *
 * @param x - tileRows rows, `stride` floats apart.
 * @param w - rows of `width` floats.
 * @param sums - as many rows of vectors·lanes floats.
 */
template <typename V, int vectors>
__attribute__((noinline)) void addGroup(const List& list, const float* x, size_t stride, const float* w, size_t width,
                                       float* sums) {
  const float* rows[V::tileRows];
#pragma GCC unroll 4
  for (int r = 0; r < V::tileRows; r++) rows[r] = x + r * stride;
  Sums<V, vectors> s;
#pragma GCC unroll 4
  for (int r = 0; r < V::tileRows; r++)
#pragma GCC unroll 8
    for (int j = 0; j < vectors; j++) s.at[r][j] = V::load(sums + (r * vectors + j) * V::lanes);
  addPatterns<V, vectors>(list, rows, w, width, s);
#pragma GCC unroll 4
  for (int r = 0; r < V::tileRows; r++)
#pragma GCC unroll 8
    for (int j = 0; j < vectors; j++) s.at[r][j].store(sums + (r * vectors + j) * V::lanes);
}

/** The same for a single row, whose list is that of pattern 1; `chains` sums per vector, since one FMA must not wait for another. */
template <typename V, int vectors, int chains>
__attribute__((noinline)) void addRow(const List& list, const float* x, size_t, const float* w, size_t width, float* sums) {
  V s[chains][vectors];
#pragma GCC unroll 2
  for (int c = 0; c < chains; c++)
#pragma GCC unroll 24
    for (int j = 0; j < vectors; j++) s[c][j] = c == 0 ? V::load(sums + j * V::lanes) : V::broadcast(0);
  const int count = list.end[1];
  int i = 0;
  for (; i + chains <= count; i += chains)
#pragma GCC unroll 2
    for (int c = 0; c < chains; c++) {
      const size_t k = list.index[i + c];
      const V activation = V::broadcast(x[k]);
#pragma GCC unroll 24
      for (int j = 0; j < vectors; j++)
        s[c][j] = V::multiplyAdd(activation, V::load(w + k * width + j * V::lanes), s[c][j]);
    }
  for (; i < count; i++) {
    const size_t k = list.index[i];
    const V activation = V::broadcast(x[k]);
#pragma GCC unroll 24
    for (int j = 0; j < vectors; j++)
      s[0][j] = V::multiplyAdd(activation, V::load(w + k * width + j * V::lanes), s[0][j]);
  }
#pragma GCC unroll 24
  for (int j = 0; j < vectors; j++) {
    V sum = s[0][j];
    for (int c = 1; c < chains; c++) sum = sum + s[c][j];
    sum.store(sums + j * V::lanes);
  }
}

using Add = void (*)(const List&, const float*, size_t, const float*, size_t, float*);

/** Entry i handles i + 1 vectors. */
template <typename V, int most>
struct Groups {
  Add of[most];
  constexpr Groups() : of() { fill<1>(); }
  template <int n>
  constexpr void fill() {
    of[n - 1] = addGroup<V, n>;
    if constexpr (n < most) fill<n + 1>();
  }
};
template <typename V, int most>
struct Rows {
  Add of[most];
  constexpr Rows() : of() { fill<1>(); }
  template <int n>
  constexpr void fill() {
    of[n - 1] = addRow<V, n, V::rowChains>;
    if constexpr (n < most) fill<n + 1>();
  }
};
template <typename V>
constexpr Groups<V, V::tileVectors> kGroups{};
template <typename V>
constexpr Rows<V, V::rowVectors> kRows{};

/** How a panel is cut into tiles of at most `most` vectors, as equal as they can be. */
struct Tiles {
  int count;
  int vectors;
  int larger;

  Tiles(int width, int lanes, int most) {
    const int all = width / lanes;
    count = (all + most - 1) / most;
    vectors = all / count;
    larger = all % count;
  }
  int of(int tile) const { return vectors + (tile < larger ? 1 : 0); }
};

}  // namespace
}  // namespace taustat
