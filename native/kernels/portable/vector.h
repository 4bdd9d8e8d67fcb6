// 4 floats in the vector extension of GCC and Clang, for any machine.
#pragma once
#include "../generic/emit.h"

namespace taustat {
namespace {

struct Vector {
  static constexpr int lanes = 4;
  static constexpr int tileRows = 4;
  static constexpr int tileVectors = 2;
  static constexpr int rowVectors = 8;
  static constexpr int rowChains = 1;

  typedef float Floats __attribute__((vector_size(16)));
  typedef int32_t Ints __attribute__((vector_size(16)));

  Floats v;

  static Vector load(const float* p) {
    Vector x;
    std::memcpy(&x.v, p, sizeof x.v);
    return x;
  }
  static Vector loadFirst(const float* p, int n) {
    Vector x = broadcast(0);
    std::memcpy(&x.v, p, sizeof(float) * n);
    return x;
  }
  static Vector broadcast(float x) { return {Floats{x, x, x, x}}; }
  void hold() {}
  void store(float* p) const { std::memcpy(p, &v, sizeof v); }
  void storeFirst(float* p, int n) const { std::memcpy(p, &v, sizeof(float) * n); }
  Vector operator+(Vector b) const { return {v + b.v}; }
  static Vector multiplyAdd(Vector a, Vector b, Vector c) { return {a.v * b.v + c.v}; }
  static Vector larger(Vector a, Vector b) { return select(a.v > b.v, a, b); }
  static Vector smaller(Vector a, Vector b) { return select(a.v < b.v, a, b); }
  static Vector select(Ints mask, Vector a, Vector b) {
    return {reinterpret_cast<Floats>((reinterpret_cast<Ints>(a.v) & mask) | (reinterpret_cast<Ints>(b.v) & ~mask))};
  }
  static Floats magnitude(Floats x) { return reinterpret_cast<Floats>(reinterpret_cast<Ints>(x) & 0x7fffffff); }
  Vector gated(Vector threshold) const { return select(magnitude(v) < threshold.v, broadcast(0), *this); }
  static uint64_t passing(const float* p, int n, Vector threshold) {
    uint64_t bits = 0;
    for (int i = 0; i < n; i += 4) {
      const Floats x = n - i < 4 ? loadFirst(p + i, n - i).v : load(p + i).v;
      const Ints kept = ~((magnitude(x) < threshold.v) | (x == 0.0f)) & Ints{1, 2, 4, 8};
      bits |= static_cast<uint64_t>(kept[0] | kept[1] | kept[2] | kept[3]) << i;
    }
    return bits;
  }
  static uint8_t* emit(uint64_t bits, int word, uint8_t* to) { return emitBits(bits, word, to); }
  static void transpose(Vector (&r)[4]) {
    for (int i = 0; i < 4; i++)
      for (int j = 0; j < i; j++) {
        const float x = r[i].v[j];
        r[i].v[j] = r[j].v[i];
        r[j].v[i] = x;
      }
  }
  static int ones(uint64_t bits) {
    int count = 0;
    for (int i = 0; i < 8; i++, bits >>= 8) count += kBitNumbers.count[static_cast<uint8_t>(bits)];
    return count;
  }
};

}  // namespace
}  // namespace taustat
