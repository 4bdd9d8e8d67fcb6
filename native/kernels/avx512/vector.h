// 16 floats. Needs AVX-512 F, BW, DQ, VL and VBMI2 (byte compress): Ice Lake, Zen 4 and later.
#pragma once
#include <immintrin.h>

#include <cstdint>

namespace taustat {
namespace {

struct Vector {
  static constexpr int lanes = 16;
  /** 4 × 6 sums, 4 activations, 1 of the weights: 29 of 32 registers. */
  static constexpr int tileRows = 4;
  static constexpr int tileVectors = 6;
  static constexpr int rowVectors = 6;
  static constexpr int rowChains = 2;

  __m512 v;

  static __mmask16 first(int n) { return static_cast<__mmask16>((1u << n) - 1); }
  static Vector load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static Vector loadFirst(const float* p, int n) { return {_mm512_maskz_loadu_ps(first(n), p)}; }
  static Vector broadcast(float x) { return {_mm512_set1_ps(x)}; }
  /** Keeps it in a register. */
  void hold() { asm("" : "+v"(v)); }
  void store(float* p) const { _mm512_storeu_ps(p, v); }
  void storeFirst(float* p, int n) const { _mm512_mask_storeu_ps(p, first(n), v); }
  Vector operator+(Vector b) const { return {_mm512_add_ps(v, b.v)}; }
  /** a · b + c. */
  static Vector multiplyAdd(Vector a, Vector b, Vector c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
  /** The second operand where one is NaN. */
  static Vector larger(Vector a, Vector b) { return {_mm512_max_ps(a.v, b.v)}; }
  static Vector smaller(Vector a, Vector b) { return {_mm512_min_ps(a.v, b.v)}; }
  /** 0 where |v| < threshold. */
  Vector gated(Vector threshold) const {
    return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(_mm512_abs_ps(v), threshold.v, _CMP_NLT_UQ), v)};
  }
  /** Bit i: |p[i]| is not below the threshold, and not 0. n ≤ 64. */
  static uint64_t passing(const float* p, int n, Vector threshold) {
    const __m512 zero = _mm512_setzero_ps();
    uint64_t bits = 0;
    int i = 0;
    for (; i + 16 <= n; i += 16) bits |= static_cast<uint64_t>(passing(_mm512_loadu_ps(p + i), threshold.v, zero)) << i;
    if (i < n) bits |= static_cast<uint64_t>(passing(_mm512_maskz_loadu_ps(first(n - i), p + i), threshold.v, zero)) << i;
    return bits;
  }
  static __mmask16 passing(__m512 x, __m512 threshold, __m512 zero) {
    const __mmask16 kept = _mm512_cmp_ps_mask(_mm512_abs_ps(x), threshold, _CMP_NLT_UQ);
    return _mm512_mask_cmp_ps_mask(kept, x, zero, _CMP_NEQ_UQ);
  }
  /** Numbers of the bits set, plus 64 · word; writes up to 64 bytes. */
  static uint8_t* emit(uint64_t bits, int word, uint8_t* to) {
    alignas(64) static constexpr struct Iota {
      uint8_t at[256];
      constexpr Iota() : at() {
        for (int i = 0; i < 256; i++) at[i] = static_cast<uint8_t>(i);
      }
    } iota;
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi8(bits, _mm512_load_si512(iota.at + 64 * word)));
    return to + _mm_popcnt_u64(bits);
  }
  static void transpose(Vector (&r)[16]) {
    __m512 t[16];
    for (int i = 0; i < 8; i++) {
      t[2 * i] = _mm512_unpacklo_ps(r[2 * i].v, r[2 * i + 1].v);
      t[2 * i + 1] = _mm512_unpackhi_ps(r[2 * i].v, r[2 * i + 1].v);
    }
    for (int i = 0; i < 4; i++) {
      const __m512d a = _mm512_castps_pd(t[4 * i]), b = _mm512_castps_pd(t[4 * i + 1]);
      const __m512d c = _mm512_castps_pd(t[4 * i + 2]), d = _mm512_castps_pd(t[4 * i + 3]);
      r[4 * i].v = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
      r[4 * i + 1].v = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
      r[4 * i + 2].v = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
      r[4 * i + 3].v = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
    }
    for (int i = 0; i < 4; i++) {
      t[i] = _mm512_shuffle_f32x4(r[i].v, r[4 + i].v, 0x88);
      t[4 + i] = _mm512_shuffle_f32x4(r[i].v, r[4 + i].v, 0xdd);
      t[8 + i] = _mm512_shuffle_f32x4(r[8 + i].v, r[12 + i].v, 0x88);
      t[12 + i] = _mm512_shuffle_f32x4(r[8 + i].v, r[12 + i].v, 0xdd);
    }
    for (int i = 0; i < 4; i++) {
      r[i].v = _mm512_shuffle_f32x4(t[i], t[8 + i], 0x88);
      r[8 + i].v = _mm512_shuffle_f32x4(t[i], t[8 + i], 0xdd);
      r[4 + i].v = _mm512_shuffle_f32x4(t[4 + i], t[12 + i], 0x88);
      r[12 + i].v = _mm512_shuffle_f32x4(t[4 + i], t[12 + i], 0xdd);
    }
  }
  static int ones(uint64_t bits) { return static_cast<int>(_mm_popcnt_u64(bits)); }
};

}  // namespace
}  // namespace taustat
