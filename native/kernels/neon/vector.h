// 4 floats. Every 64-bit ARM has it.
#pragma once
#include <arm_neon.h>

#include "../generic/emit.h"

namespace taustat {
namespace {

struct Vector {
  static constexpr int lanes = 4;
  /** 4 × 6 sums, 4 activations, 1 of the weights: 29 of 32 registers. */
  static constexpr int tileRows = 4;
  static constexpr int tileVectors = 6;
  static constexpr int rowVectors = 24;
  static constexpr int rowChains = 1;

  float32x4_t v;

  static Vector load(const float* p) { return {vld1q_f32(p)}; }
  static Vector loadFirst(const float* p, int n) {
    float all[4] = {};
    for (int i = 0; i < n; i++) all[i] = p[i];
    return load(all);
  }
  static Vector broadcast(float x) { return {vdupq_n_f32(x)}; }
  void hold() { asm("" : "+w"(v)); }
  void store(float* p) const { vst1q_f32(p, v); }
  void storeFirst(float* p, int n) const {
    float all[4];
    store(all);
    for (int i = 0; i < n; i++) p[i] = all[i];
  }
  Vector operator+(Vector b) const { return {vaddq_f32(v, b.v)}; }
  static Vector multiplyAdd(Vector a, Vector b, Vector c) { return {vfmaq_f32(c.v, a.v, b.v)}; }
  /** The second operand where one is NaN, as on x86. */
  static Vector larger(Vector a, Vector b) { return {vbslq_f32(vcgtq_f32(a.v, b.v), a.v, b.v)}; }
  static Vector smaller(Vector a, Vector b) { return {vbslq_f32(vcltq_f32(a.v, b.v), a.v, b.v)}; }
  Vector gated(Vector threshold) const {
    const uint32x4_t below = vcltq_f32(vabsq_f32(v), threshold.v);
    return {vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(v), below))};
  }
  static uint64_t passing(const float* p, int n, Vector threshold) {
    uint64_t bits = 0;
    int i = 0;
    for (; i + 16 <= n; i += 16) {
      const uint16x8_t a = vcombine_u16(dropped(p + i, threshold), dropped(p + i + 4, threshold));
      const uint16x8_t b = vcombine_u16(dropped(p + i + 8, threshold), dropped(p + i + 12, threshold));
      const uint8x16_t all = vmvnq_u8(vcombine_u8(vmovn_u16(a), vmovn_u16(b)));
      static const uint8_t kWeights[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
      const uint8x16_t weighted = vandq_u8(all, vld1q_u8(kWeights));
      const uint64_t low = vaddv_u8(vget_low_u8(weighted)), high = vaddv_u8(vget_high_u8(weighted));
      bits |= (low | high << 8) << i;
    }
    for (; i < n; i++) {
      const float x = p[i], t = vgetq_lane_f32(threshold.v, 0);
      const float magnitude = x < 0 ? -x : x;
      if (!(magnitude < t) && x != 0) bits |= uint64_t{1} << i;
    }
    return bits;
  }
  static uint16x4_t dropped(const float* p, Vector threshold) {
    const float32x4_t x = vld1q_f32(p);
    return vmovn_u32(vorrq_u32(vcltq_f32(vabsq_f32(x), threshold.v), vceqzq_f32(x)));
  }
  static uint8_t* emit(uint64_t bits, int word, uint8_t* to) { return emitBits(bits, word, to); }
  static void transpose(Vector (&r)[4]) {
    const float32x4x2_t a = vtrnq_f32(r[0].v, r[1].v), b = vtrnq_f32(r[2].v, r[3].v);
    r[0].v = vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0]));
    r[1].v = vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1]));
    r[2].v = vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0]));
    r[3].v = vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1]));
  }
  static int ones(uint64_t bits) { return __builtin_popcountll(bits); }
};

}  // namespace
}  // namespace taustat
