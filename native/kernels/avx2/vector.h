// 8 floats. Needs AVX2, FMA and BMI2: Haswell, Zen and later.
#pragma once
#include <immintrin.h>

#include "../generic/emit.h"

namespace taustat {
namespace {

struct Vector {
  static constexpr int lanes = 8;
  /** 3 × 4 sums, 3 activations, 1 of the weights: 16 of 16 registers. */
  static constexpr int tileRows = 3;
  static constexpr int tileVectors = 4;
  static constexpr int rowVectors = 12;
  static constexpr int rowChains = 1;

  __m256 v;

  static __m256i first(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static __m256 magnitude(__m256 x) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x); }
  static Vector load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static Vector loadFirst(const float* p, int n) { return {_mm256_maskload_ps(p, first(n))}; }
  static Vector broadcast(float x) { return {_mm256_set1_ps(x)}; }
  /** Keeps it in a register. */
  void hold() { asm("" : "+x"(v)); }
  void store(float* p) const { _mm256_storeu_ps(p, v); }
  void storeFirst(float* p, int n) const { _mm256_maskstore_ps(p, first(n), v); }
  Vector operator+(Vector b) const { return {_mm256_add_ps(v, b.v)}; }
  static Vector multiplyAdd(Vector a, Vector b, Vector c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
  static Vector larger(Vector a, Vector b) { return {_mm256_max_ps(a.v, b.v)}; }
  static Vector smaller(Vector a, Vector b) { return {_mm256_min_ps(a.v, b.v)}; }
  Vector gated(Vector threshold) const {
    return {_mm256_and_ps(v, _mm256_cmp_ps(magnitude(v), threshold.v, _CMP_NLT_UQ))};
  }
  static uint64_t passing(const float* p, int n, Vector threshold) {
    uint64_t bits = 0;
    int i = 0;
    for (; i + 8 <= n; i += 8) bits |= passing(_mm256_loadu_ps(p + i), threshold.v) << i;
    if (i < n) bits |= passing(loadFirst(p + i, n - i).v, threshold.v) << i;
    return bits;
  }
  static uint64_t passing(__m256 x, __m256 threshold) {
    const __m256 kept = _mm256_cmp_ps(magnitude(x), threshold, _CMP_NLT_UQ);
    const __m256 some = _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_NEQ_UQ);
    return static_cast<unsigned>(_mm256_movemask_ps(_mm256_and_ps(kept, some)));
  }
  static uint8_t* emit(uint64_t bits, int word, uint8_t* to) { return emitBits(bits, word, to); }
  static void transpose(Vector (&r)[8]) {
    __m256 t[8], u[8];
    for (int i = 0; i < 4; i++) {
      t[2 * i] = _mm256_unpacklo_ps(r[2 * i].v, r[2 * i + 1].v);
      t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i].v, r[2 * i + 1].v);
    }
    for (int i = 0; i < 2; i++) {
      u[4 * i] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
      u[4 * i + 1] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0xee);
      u[4 * i + 2] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
      u[4 * i + 3] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
      r[i].v = _mm256_permute2f128_ps(u[i], u[4 + i], 0x20);
      r[4 + i].v = _mm256_permute2f128_ps(u[i], u[4 + i], 0x31);
    }
  }
  static int ones(uint64_t bits) { return static_cast<int>(_mm_popcnt_u64(bits)); }
};

}  // namespace
}  // namespace taustat
