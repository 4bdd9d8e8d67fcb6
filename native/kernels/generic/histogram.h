#pragma once
#include <cstring>

#include "../kernels.h"

namespace taustat {
namespace {

/** The bin of a magnitude is its float32 bits >> 17; the residual the bits below. Four lanes, so that one store need not wait for another. */
inline void histogram(const float* x, int64_t count, uint64_t* cells, int& first, int& last) {
  uint32_t least = ~uint32_t{0}, most = 0;
  int64_t i = 0;
  uint64_t zeros = 0;
  const auto add = [&](uint32_t bits, int lane) {
    cells[(bits >> 17) * kHistogramLanes + lane] += (uint64_t{1} << 40) | (bits & 0x1ffff);
  };
  for (; i + kHistogramLanes <= count; i += kHistogramLanes) {
    uint32_t bits[kHistogramLanes];
    std::memcpy(bits, x + i, sizeof bits);
    for (uint32_t& b : bits) b &= 0x7fffffff;
    if ((bits[0] | bits[1] | bits[2] | bits[3]) == 0) {
      zeros += kHistogramLanes;
      continue;
    }
    for (int lane = 0; lane < kHistogramLanes; lane++) {
      add(bits[lane], lane);
      // A magnitude of bin 0 counts as none: it would stretch the window down to 0.
      const uint32_t low = bits[lane] >> 17 == 0 ? ~uint32_t{0} : bits[lane];
      least = low < least ? low : least;
      most = bits[lane] > most ? bits[lane] : most;
    }
  }
  for (; i < count; i++) {
    uint32_t bits;
    std::memcpy(&bits, x + i, sizeof bits);
    bits &= 0x7fffffff;
    add(bits, 0);
    const uint32_t low = bits >> 17 == 0 ? ~uint32_t{0} : bits;
    least = low < least ? low : least;
    most = bits > most ? bits : most;
  }
  cells[0] += zeros << 40;
  first = static_cast<int>(least >> 17);
  last = static_cast<int>(most >> 17);
}

}  // namespace
}  // namespace taustat
