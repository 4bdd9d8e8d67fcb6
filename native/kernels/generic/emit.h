// Lists of set bits where there is no compress instruction: eight bits at a time, by table.
#pragma once
#include <cstdint>
#include <cstring>

namespace taustat {
namespace {

struct BitNumbers {
  /** Numbers of the bits set in a byte, one per byte from the lowest. */
  uint64_t of[256];
  uint8_t count[256];
  constexpr BitNumbers() : of(), count() {
    for (int bits = 0; bits < 256; bits++)
      for (int i = 0; i < 8; i++)
        if (bits >> i & 1) of[bits] |= static_cast<uint64_t>(i) << 8 * count[bits]++;
  }
};
constexpr BitNumbers kBitNumbers;

/** Writes up to 8 bytes beyond the last number. */
inline uint8_t* emitBits(uint64_t bits, int word, uint8_t* to) {
  for (int i = 0; i < 8; i++, bits >>= 8) {
    const uint8_t byte = static_cast<uint8_t>(bits);
    const uint64_t numbers = kBitNumbers.of[byte] + 0x0101010101010101ull * static_cast<unsigned>(64 * word + 8 * i);
    std::memcpy(to, &numbers, sizeof numbers);
    to += kBitNumbers.count[byte];
  }
  return to;
}

}  // namespace
}  // namespace taustat
